-- Throw away up to $2 changes below a place, the oldest first, and say how far.
WITH old AS (SELECT provider_id, seq FROM change WHERE place < $1::int8 ORDER BY place, provider_id, seq LIMIT $2::int4),
gone AS (DELETE FROM change c USING old o WHERE c.provider_id = o.provider_id AND c.seq = o.seq
         RETURNING c.provider_id, c.seq, c.place),
floors AS (INSERT INTO change_floor (provider_id, seq)
           SELECT provider_id, max(seq) FROM gone GROUP BY provider_id ORDER BY provider_id
           ON CONFLICT (provider_id) DO UPDATE SET seq = greatest(change_floor.seq, excluded.seq)),
risen AS (UPDATE feed SET floor = greatest(floor, (SELECT max(place) FROM gone)) WHERE EXISTS (SELECT FROM gone))
SELECT count(*) FROM gone;
