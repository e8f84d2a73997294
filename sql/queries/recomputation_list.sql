-- Newest first, from behind $1 on. While one runs its positions say how far it is.
SELECT r.recomputation_id, r.cause_kind, r.cause_code, r.cause_version, r.status, r.untidy, r.every_provider, r.started_at, r.finished_at, r.reason,
       r.runner, r.beat_at, r.providers, (CASE r.status WHEN 1 THEN coalesce(p.done, 0) ELSE r.providers_done END)::int4, r.orders,
       (CASE r.status WHEN 1 THEN coalesce(p.judged, 0) ELSE r.orders_judged END)::int8,
       (CASE r.status WHEN 1 THEN coalesce(p.changed, 0) ELSE r.orders_changed END)::int8, r.schemes
FROM (SELECT * FROM recomputation
      WHERE ($1::int8 = 0 OR recomputation_id < $1::int8) AND ($2::int8 = 0 OR recomputation_id = $2::int8)
      ORDER BY recomputation_id DESC LIMIT $3::int4) r
LEFT JOIN (SELECT recomputation_id, count(*) FILTER (WHERE done) AS done, sum(orders_judged) AS judged, sum(orders_changed) AS changed
           FROM recomputation_position GROUP BY recomputation_id) p USING (recomputation_id)
ORDER BY r.recomputation_id DESC;
