-- Uploads as a whole: what came, how it was to be taken, whether it still runs, what took it back. And observations.
--
-- seen_at moves while an upload runs: one that has been silent for long was broken off, whoever ran it.
-- reverted_by: the upload (kind `revert`) whose voids took this one back.
ALTER TABLE upload
    ADD COLUMN content_type text    NOT NULL DEFAULT '',
    ADD COLUMN bytes        bigint  NOT NULL DEFAULT 0,
    ADD COLUMN atomic       boolean NOT NULL DEFAULT false,
    ADD COLUMN seen_at      timestamptz,
    ADD COLUMN reverted_by  bigint;
UPDATE upload SET seen_at = coalesce(finished_at, received_at);
ALTER TABLE upload ALTER COLUMN seen_at SET NOT NULL;

-- An upload's id is a time, and records stand in the order in which they came: a block-range index finds what an upload
-- brought and costs next to nothing where records are written.
CREATE INDEX record_of_upload ON record USING brin (upload_id) WITH (pages_per_range = 32, autosummarize = on);
-- Voids are few. A revert asks which of them still hold.
CREATE INDEX record_void ON record (provider_id) WHERE type = 13;
-- Observations belong to no order, so no order's row leads to them.
CREATE INDEX record_observation ON record (provider_id, at DESC, id DESC) WHERE kind = 4;
