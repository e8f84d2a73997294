-- Where the feed over all providers ends for now: its last change below the horizon, else its floor.
SELECT f.era, f.origin = feed_origin(), pg_snapshot_xmin(pg_current_snapshot())::text::int8,
       coalesce(c.place, f.place), coalesce(c.provider_id, f.provider_id), coalesce(c.seq, f.seq)
FROM feed f
LEFT JOIN (SELECT place, provider_id, seq FROM change WHERE place < pg_snapshot_xmin(pg_current_snapshot())::text::int8
           ORDER BY place DESC, provider_id DESC, seq DESC LIMIT 1) c ON true;
