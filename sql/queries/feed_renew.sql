-- A new era, once the feed is empty. Whatever is written from now on has a place above the floor.
WITH floors AS (INSERT INTO change_floor (provider_id, seq)
                SELECT provider_id, seq FROM provider_head UNION ALL SELECT 0, revision FROM config
                ON CONFLICT (provider_id) DO UPDATE SET seq = excluded.seq)
UPDATE feed SET era = era + 1, origin = feed_origin(), place = pg_snapshot_xmin(pg_current_snapshot())::text::int8 - 1,
                provider_id = 2147483647, seq = 9223372036854775807
WHERE feed_id = 1;
