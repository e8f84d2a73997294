-- The feed of changes: a row for each order that a transaction touched, written by that transaction.
--
-- place says where a row stands over all providers: the writing transaction's id, raised to the last one that had ended
-- when it had all its locks (write_place.sql). So of two transactions of one provider the later has a place not below the
-- earlier's, and every place below the oldest transaction that still runs is complete: nothing will come to it any more.
-- provider_id 0 are changes of the configuration, seq its revision. what is enum assay_change_what of
-- include/assay/store.h; name an order's number or a document's code; effects what else moved (src/service/effects.c).
CREATE TABLE change (
    place       bigint   NOT NULL,
    seq         bigint   NOT NULL,
    provider_id integer  NOT NULL,
    what        smallint NOT NULL,
    name        text COLLATE "C",
    effects     bytea,
    PRIMARY KEY (provider_id, seq)
);
CREATE INDEX change_by_place ON change (place, provider_id, seq);

-- The highest seq of a provider that is not kept any more.
CREATE TABLE change_floor (
    provider_id integer PRIMARY KEY,
    seq         bigint NOT NULL
);
-- When the horizon was where: by it rows are thrown away by age without each of them having a time.
CREATE TABLE change_mark (
    at    timestamptz PRIMARY KEY,
    place bigint NOT NULL
);

-- One row. Transaction ids have a meaning in one database of one cluster on one timeline: elsewhere (restored, taken over
-- by a standby) a new era begins with an empty feed, and cursors of the former are refused. The rest is the floor: the last
-- row, in the order of places, that is not kept any more.
CREATE TABLE feed (
    feed_id     smallint PRIMARY KEY CHECK (feed_id = 1),
    era         integer NOT NULL,
    origin      text    NOT NULL,
    place       bigint  NOT NULL,
    provider_id integer NOT NULL,
    seq         bigint  NOT NULL
);
INSERT INTO feed VALUES (1, 0, '', 0, 0, 0);
CREATE FUNCTION feed_origin() RETURNS text LANGUAGE sql STABLE AS $$
    SELECT (SELECT system_identifier FROM pg_control_system()) || '/'
        || (SELECT oid FROM pg_database WHERE datname = current_database()) || '/'
        || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8)
$$;
