-- How far the feed is: the horizon, the first id not given to a transaction that ended, the highest place below the
-- horizon, and a number that moves with every commit.
SELECT x.horizon, pg_snapshot_xmax(pg_current_snapshot())::text::int8,
       coalesce((SELECT c.place FROM change c WHERE c.place < x.horizon ORDER BY c.place DESC LIMIT 1), 0),
       ((SELECT coalesce(sum(h.seq), 0) FROM provider_head h) + (SELECT g.revision FROM config g))::int8
FROM (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::int8 AS horizon) x;
