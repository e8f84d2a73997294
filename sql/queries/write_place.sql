-- Once all heads are locked: the configuration's revision, and the place of what is about to be written. A transaction that
-- had a head before us has ended, so the last one that ended is not below it.
SELECT revision, greatest(pg_current_xact_id()::text::int8, pg_snapshot_xmax(pg_current_snapshot())::text::int8 - 1)
FROM config WHERE config_id = 1;
