-- A commit that must reach the disk, and leaves nothing but a few bytes of log.
SELECT pg_logical_emit_message(true, 'assay', 'a commit');
