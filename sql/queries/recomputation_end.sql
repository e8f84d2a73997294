-- Under the configuration's lock: done (2) or failed (3).
UPDATE recomputation r
SET status = $2::int2, finished_at = $3::timestamptz, reason = $4::text,
    providers_done = p.done, orders_judged = p.judged, orders_changed = p.changed
FROM (SELECT count(*) FILTER (WHERE done)::int4 AS done, coalesce(sum(orders_judged), 0)::int8 AS judged, coalesce(sum(orders_changed), 0)::int8 AS changed
      FROM recomputation_position WHERE recomputation_id = $1::int8) p
WHERE r.recomputation_id = $1::int8 AND r.status = 1;
