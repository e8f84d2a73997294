-- Recomputation without stopping ingest: a changed configuration is worked out beside the one in force and shown at once.
--
-- What is derived of a (provider, scheme) is kept on one of two sheets: scheme_id of verdict, tally and pay_tally is the
-- number of a sheet, the scheme's own number or its negative. Where no row says otherwise the own number is in force, so
-- what was stored before stays as it is. Which sheet is in force changes only together with the configuration's revision.
CREATE TABLE sheet_in_force (
    provider_id integer  NOT NULL,
    scheme_id   smallint NOT NULL,
    sheet       smallint NOT NULL,
    PRIMARY KEY (provider_id, scheme_id),
    CHECK (abs(sheet) = scheme_id)
);

-- One row a recomputation; one at most is running (status 1; 2 done, 3 failed). schemes: those it works out again, of every
-- provider that has a row in recomputation_position. cause_kind: 0 calendar, 1 rates, 2 scheme, 3 provider; cause_version
-- and cause_code are null where several providers changed at once. runner and beat_at: who is at work, last heard of when.
-- untidy: the sheets it has put out of force (or, failed, has begun) may still hold rows.
CREATE TABLE recomputation (
    recomputation_id  bigint PRIMARY KEY,
    cause_kind        smallint    NOT NULL,
    cause_code        text,
    cause_version     integer,
    schemes           smallint[]  NOT NULL,
    status            smallint    NOT NULL,
    untidy            boolean     NOT NULL,
    every_provider    boolean     NOT NULL,
    started_at        timestamptz NOT NULL,
    finished_at       timestamptz,
    reason            text,
    runner            bigint      NOT NULL,
    beat_at           timestamptz NOT NULL,
    providers         integer     NOT NULL,
    providers_done    integer     NOT NULL,
    orders            bigint      NOT NULL,
    orders_judged     bigint      NOT NULL,
    orders_changed    bigint      NOT NULL
);
CREATE UNIQUE INDEX recomputation_running ON recomputation (status) WHERE status = 1;
CREATE INDEX recomputation_untidy ON recomputation (recomputation_id) WHERE untidy;

-- How far each touched provider's other sheets are filled: orders up to and including upto, in their order (null: nothing
-- yet), or all. Changes under the provider's head lock only, together with the rows it speaks of.
CREATE TABLE recomputation_position (
    provider_id      integer NOT NULL,
    recomputation_id bigint  NOT NULL,
    done             boolean NOT NULL,
    upto             text COLLATE "C",
    orders_judged    bigint  NOT NULL,
    orders_changed   bigint  NOT NULL,
    PRIMARY KEY (provider_id, recomputation_id)
) WITH (fillfactor = 50);

-- Versions that wait for their recomputation; null: recorded.
ALTER TABLE provider_version ADD COLUMN recomputation_id bigint;
ALTER TABLE calendar_version ADD COLUMN recomputation_id bigint;
ALTER TABLE rates_version ADD COLUMN recomputation_id bigint;
ALTER TABLE scheme_version ADD COLUMN recomputation_id bigint;

-- For people with psql: what is in force, by the scheme's own number.
CREATE VIEW verdict_in_force AS
    SELECT v.provider_id, abs(v.scheme_id)::smallint AS scheme_id, v.order_no, v.outcome, v.reason, v.scheme_version, v.calendar_version, v.month,
           v.diagnosis, v.cycle, v.diagnosis_deadline, v.cycle_deadline, v.rate
    FROM verdict v LEFT JOIN sheet_in_force f ON f.provider_id = v.provider_id AND f.scheme_id = abs(v.scheme_id)
    WHERE v.scheme_id = coalesce(f.sheet, abs(v.scheme_id));
CREATE VIEW tally_in_force AS
    SELECT t.provider_id, abs(t.scheme_id)::smallint AS scheme_id, t.month, t.counts
    FROM tally t LEFT JOIN sheet_in_force f ON f.provider_id = t.provider_id AND f.scheme_id = abs(t.scheme_id)
    WHERE t.scheme_id = coalesce(f.sheet, abs(t.scheme_id));
CREATE VIEW pay_tally_in_force AS
    SELECT t.provider_id, abs(t.scheme_id)::smallint AS scheme_id, t.month, t.rate, t.orders
    FROM pay_tally t LEFT JOIN sheet_in_force f ON f.provider_id = t.provider_id AND f.scheme_id = abs(t.scheme_id)
    WHERE t.scheme_id = coalesce(f.sheet, abs(t.scheme_id));
CREATE OR REPLACE VIEW work_order_readable AS
    SELECT p.code AS provider, o.order_no, (ARRAY['none', 'open', 'closed', 'cancelled'])[o.state + 1] AS state, o.opened_at, o.closed_at,
           o.product, s.code AS scheme, (ARRAY['compliant', 'missed', 'undetermined', 'pending', 'out_of_scope'])[v.outcome] AS outcome,
           (ARRAY['missing_open', 'request_before_open', 'close_before_start', 'missing_shipment'])[v.reason] AS reason
    FROM work_order o JOIN provider p USING (provider_id) LEFT JOIN verdict_in_force v USING (provider_id, order_no) LEFT JOIN scheme s USING (scheme_id);
