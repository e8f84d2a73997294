-- Changes over all providers from behind ($1, $2, $3) on, below the horizon. One statement: rows, horizon and floor are of
-- one snapshot. Without a change there is one row all the same.
SELECT f.era, f.origin = feed_origin(), pg_snapshot_xmin(pg_current_snapshot())::text::int8, f.place, f.provider_id, f.seq,
       c.place, c.seq, c.provider_id, c.what, c.name, c.effects
FROM feed f
LEFT JOIN (SELECT place, seq, provider_id, what, name, effects FROM change
           WHERE (place, provider_id, seq) > ($1::int8, $2::int4, $3::int8)
             AND place < pg_snapshot_xmin(pg_current_snapshot())::text::int8
           ORDER BY place, provider_id, seq LIMIT $4::int4) c ON true
ORDER BY c.place, c.provider_id, c.seq;
