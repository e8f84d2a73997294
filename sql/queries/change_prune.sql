-- Throw away up to $2 changes below a place, the first first; the floors rise to the last of them.
WITH old AS (SELECT provider_id, seq FROM change WHERE place < $1::int8 ORDER BY place, provider_id, seq LIMIT $2::int4),
gone AS (DELETE FROM change c USING old o WHERE c.provider_id = o.provider_id AND c.seq = o.seq
         RETURNING c.provider_id, c.seq, c.place),
floors AS (INSERT INTO change_floor (provider_id, seq)
           SELECT provider_id, max(seq) FROM gone GROUP BY provider_id ORDER BY provider_id
           ON CONFLICT (provider_id) DO UPDATE SET seq = greatest(change_floor.seq, excluded.seq)),
risen AS (UPDATE feed f SET place = l.place, provider_id = l.provider_id, seq = l.seq
          FROM (SELECT place, provider_id, seq FROM gone ORDER BY place DESC, provider_id DESC, seq DESC LIMIT 1) l
          WHERE (l.place, l.provider_id, l.seq) > (f.place, f.provider_id, f.seq))
SELECT count(*) FROM gone;
