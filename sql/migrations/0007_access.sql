-- Who may come in, and what was done in the name of whom.
--
-- Keys are random, so that a plain SHA-256 of one is as good as the key is long. A key is never deleted: what it did stays
-- explainable. role is enum assay_role of include/assay/access.h; provider_id: whose it is, null where it is nobody's own.
CREATE TABLE api_key (
    key_id       text COLLATE "C" PRIMARY KEY,
    name         text        NOT NULL,
    role         smallint    NOT NULL,
    provider_id  integer,
    digest       bytea       NOT NULL,
    created_at   timestamptz NOT NULL,
    created_by   text        NOT NULL,
    expires_at   timestamptz,
    revoked_at   timestamptz,
    replaces     text COLLATE "C",
    last_used_at timestamptz
);
-- One row. revision moves with every change of a key: by it each daemon knows within a second that it must look again.
CREATE TABLE access (
    access_id smallint PRIMARY KEY CHECK (access_id = 1),
    revision  bigint   NOT NULL
);
INSERT INTO access VALUES (1, 0);

-- Every administrative act, written in the transaction that did it. Rows are only ever added. audit_id: milliseconds since 1970
-- and 22 random bits. before and after are JSON objects; null where there was or is nothing.
CREATE TABLE audit (
    audit_id   bigint PRIMARY KEY,
    at         timestamptz NOT NULL,
    actor      text        NOT NULL,
    role       text        NOT NULL,
    request_id text        NOT NULL,
    action     text        NOT NULL,
    subject    text        NOT NULL,
    before     text,
    after      text
);

-- The only provider whose records an upload's sender may send; null where it was not bound to one.
ALTER TABLE upload ADD COLUMN provider_id integer;
