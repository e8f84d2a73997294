-- The foundation: registry and configuration (reference tables), records, and what is derived from them.
--
-- provider_id comes first in every key of the provider-scoped tables, so that they can be distributed by it one day.
-- No trigger, identity column or sequence; times are parameters. Codes of smallint columns are the enums of
-- include/assay/record.h, order.h and verdict.h, named for people in the views at the end.

-- One row. revision moves with every change of configuration; a write transaction that finds it moved reloads.
-- engine is the rules' version: a daemon with other rules must recompute before it serves.
CREATE TABLE config (
    config_id   smallint PRIMARY KEY CHECK (config_id = 1),
    revision    bigint   NOT NULL,
    engine      integer  NOT NULL
);

-- Registry. Versions are append-only: of several with one effective_from the newest holds; '-infinity' is "always".
CREATE TABLE provider (
    provider_id integer PRIMARY KEY,
    code        text COLLATE "C" NOT NULL UNIQUE
);
CREATE TABLE provider_version (
    provider_id    integer     NOT NULL REFERENCES provider,
    version        integer     NOT NULL,
    effective_from date        NOT NULL,
    recorded_at    timestamptz NOT NULL,
    name           text        NOT NULL,
    city           text        NOT NULL,
    ascim          boolean     NOT NULL,
    status         text        NOT NULL,
    PRIMARY KEY (provider_id, version)
);

-- Documents are kept as they came; the daemon reads them whole.
CREATE TABLE calendar_version (
    code        text COLLATE "C" NOT NULL,
    version     integer     NOT NULL,
    recorded_at timestamptz NOT NULL,
    document    text        NOT NULL,
    PRIMARY KEY (code, version)
);
CREATE TABLE rates_version (
    code        text COLLATE "C" NOT NULL,
    version     integer     NOT NULL,
    recorded_at timestamptz NOT NULL,
    document    text        NOT NULL,
    PRIMARY KEY (code, version)
);
CREATE TABLE scheme (
    scheme_id smallint PRIMARY KEY,
    code      text COLLATE "C" NOT NULL UNIQUE
);
CREATE TABLE scheme_version (
    scheme_id      smallint    NOT NULL REFERENCES scheme,
    version        integer     NOT NULL,
    effective_from date        NOT NULL,
    recorded_at    timestamptz NOT NULL,
    document       text        NOT NULL,
    PRIMARY KEY (scheme_id, version)
);

-- The head of a provider: its lock, its gapless sequence, and the revision of everything that is read of it.
-- Every write transaction upserts the heads it needs first, in key order.
CREATE TABLE provider_head (
    provider_id    integer PRIMARY KEY,
    seq            bigint NOT NULL,
    revision       bigint NOT NULL,
    last_record_at timestamptz
) WITH (fillfactor = 50);

-- The truth: append-only facts. content holds the type's own fields as canonical JSON: equal content, equal text.
-- order_no is absent of voids and of responses that name none.
CREATE TABLE record (
    seq         bigint      NOT NULL,
    at          timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    upload_id   bigint,
    provider_id integer     NOT NULL,
    kind        smallint    NOT NULL,
    type        smallint    NOT NULL,
    party       smallint    NOT NULL,
    id          text COLLATE "C" NOT NULL,
    order_no    text COLLATE "C",
    content     text        NOT NULL,
    PRIMARY KEY (provider_id, kind, id)
);

-- What voids name, whether it has arrived yet or not.
CREATE TABLE voided (
    provider_id integer  NOT NULL,
    kind        smallint NOT NULL,
    id          text COLLATE "C" NOT NULL,
    PRIMARY KEY (provider_id, kind, id)
);

-- The state of an order, folded from its records. packed holds what the next fold needs of them in one value; it is
-- rebuilt from the records at any time. state 0: no event or dispatch of it stands; such an order does not exist.
CREATE TABLE work_order (
    provider_id    integer  NOT NULL,
    state          smallint NOT NULL,
    channel        smallint NOT NULL,
    customer_class smallint NOT NULL,
    warranty       smallint NOT NULL,
    opened_at      timestamptz,
    dispatched_at  timestamptz,
    closed_at      timestamptz,
    order_no       text COLLATE "C" NOT NULL,
    product        text,
    packed         bytea NOT NULL,
    PRIMARY KEY (provider_id, order_no)
) WITH (fillfactor = 85);
ALTER TABLE work_order ALTER COLUMN packed SET COMPRESSION lz4;
CREATE INDEX work_order_by_opening ON work_order (provider_id, (coalesce(opened_at, '-infinity')) DESC, order_no DESC) WHERE state > 0;
CREATE INDEX work_order_open ON work_order (provider_id, opened_at) WHERE state = 1;
CREATE INDEX work_order_closed ON work_order (provider_id, closed_at) WHERE closed_at IS NOT NULL;

-- A cache of the judgement under one scheme, with the versions it was made by. month (year * 12 + month - 1) is the
-- month of the close of an order in scope; rate its labour rate in minor units, -1 where there is none.
CREATE TABLE verdict (
    provider_id        integer  NOT NULL,
    scheme_id          smallint NOT NULL,
    outcome            smallint NOT NULL,
    reason             smallint NOT NULL,
    scheme_version     integer  NOT NULL,
    calendar_version   integer  NOT NULL,
    month              integer,
    diagnosis          smallint NOT NULL,
    cycle              smallint NOT NULL,
    diagnosis_deadline timestamptz,
    cycle_deadline     timestamptz,
    rate               bigint,
    order_no           text COLLATE "C" NOT NULL,
    PRIMARY KEY (provider_id, scheme_id, order_no)
) WITH (fillfactor = 85);
CREATE INDEX verdict_by_month ON verdict (provider_id, scheme_id, month, order_no) WHERE month IS NOT NULL;
CREATE INDEX verdict_diagnosis_deadline ON verdict (scheme_id, diagnosis_deadline) WHERE diagnosis_deadline IS NOT NULL;
CREATE INDEX verdict_cycle_deadline ON verdict (scheme_id, cycle_deadline) WHERE cycle_deadline IS NOT NULL;

-- Additive counts of a month (include/assay/evaluate.h names the elements), and how many orders earn which rate.
CREATE TABLE tally (
    provider_id integer   NOT NULL,
    scheme_id   smallint  NOT NULL,
    month       integer   NOT NULL,
    counts      integer[] NOT NULL,
    PRIMARY KEY (provider_id, scheme_id, month)
) WITH (fillfactor = 60);
CREATE INDEX tally_by_month ON tally (scheme_id, month);
CREATE TABLE pay_tally (
    provider_id integer  NOT NULL,
    scheme_id   smallint NOT NULL,
    month       integer  NOT NULL,
    rate        bigint   NOT NULL,
    orders      integer  NOT NULL,
    PRIMARY KEY (provider_id, scheme_id, month, rate)
) WITH (fillfactor = 60);
CREATE INDEX pay_tally_by_month ON pay_tally (scheme_id, month);

-- Uploads and the rows they could not take. upload_id: milliseconds since 1970 and 22 random bits.
CREATE TABLE upload (
    upload_id    bigint PRIMARY KEY,
    kind         text        NOT NULL,
    party        smallint    NOT NULL,
    status       text        NOT NULL,
    request_id   text        NOT NULL,
    received_at  timestamptz NOT NULL,
    finished_at  timestamptz,
    received     bigint      NOT NULL,
    accepted     bigint      NOT NULL,
    duplicates   bigint      NOT NULL,
    rejected     bigint      NOT NULL
);
-- One row an error; body, the record as it came, stands with the first of its line.
CREATE TABLE upload_rejection (
    upload_id bigint  NOT NULL,
    n         bigint  NOT NULL,
    line      bigint  NOT NULL,
    id        text,
    code      text    NOT NULL,
    pointer   text    NOT NULL,
    detail    text    NOT NULL,
    body      bytea,
    PRIMARY KEY (upload_id, n)
);

-- For people with psql.
CREATE TABLE record_type (
    type smallint PRIMARY KEY,
    kind text NOT NULL,
    name text NOT NULL
);
INSERT INTO record_type (type, kind, name) VALUES
    (0, 'dispatch', 'dispatch'), (1, 'repair', 'order.opened'), (2, 'repair', 'part.requested'), (3, 'shipment', 'part.shipped'),
    (4, 'shipment', 'part.delivered'), (5, 'repair', 'part.cancelled'), (6, 'repair', 'part.received'), (7, 'repair', 'part.marked'),
    (8, 'repair', 'order.noted'), (9, 'repair', 'order.completed'), (10, 'repair', 'order.closed'), (11, 'repair', 'order.cancelled'),
    (12, 'repair', 'order.reopened'), (13, 'repair', 'event.voided'), (14, 'survey', 'survey'), (15, 'observation', 'observation');
CREATE VIEW record_readable AS
    SELECT p.code AS provider, t.kind, r.id, t.name AS type, r.order_no, r.at, r.received_at, r.seq,
           (ARRAY['provider', 'ccc', 'logistics', 'manufacturer'])[r.party] AS party, r.upload_id, r.content::jsonb AS content
    FROM record r JOIN provider p USING (provider_id) JOIN record_type t USING (type);
CREATE VIEW work_order_readable AS
    SELECT p.code AS provider, o.order_no, (ARRAY['none', 'open', 'closed', 'cancelled'])[o.state + 1] AS state, o.opened_at, o.closed_at,
           o.product, s.code AS scheme, (ARRAY['compliant', 'missed', 'undetermined', 'pending', 'out_of_scope'])[v.outcome] AS outcome,
           (ARRAY['missing_open', 'request_before_open', 'close_before_start', 'missing_shipment'])[v.reason] AS reason
    FROM work_order o JOIN provider p USING (provider_id) LEFT JOIN verdict v USING (provider_id, order_no) LEFT JOIN scheme s USING (scheme_id);
