-- Judged by the sheet in force. Orders by opening, newest first, those without an opening last; from behind ($5, $6) on.
SELECT o.provider_id, o.state, o.channel, o.customer_class, o.warranty, o.opened_at, o.dispatched_at, o.closed_at, o.order_no, o.product, NULL::bytea,
       v.provider_id, v.scheme_id, v.outcome, v.reason, v.scheme_version, v.calendar_version, v.month, v.diagnosis, v.cycle,
       v.diagnosis_deadline, v.cycle_deadline, v.order_no, v.rate
FROM work_order o
LEFT JOIN verdict v ON v.provider_id = o.provider_id AND v.scheme_id = coalesce((SELECT f.sheet FROM sheet_in_force f WHERE f.provider_id = $1::int4 AND f.scheme_id = $2::int2), $2::int2)
                   AND v.order_no = o.order_no
WHERE o.provider_id = $1::int4 AND o.state > 0
  AND (coalesce(o.opened_at, '-infinity'), o.order_no) < ($5::timestamptz, $6::text COLLATE "C")
  AND ($3::int2 = 0 OR o.state = $3::int2) AND ($4::int2 = 0 OR v.outcome = $4::int2)
ORDER BY coalesce(o.opened_at, '-infinity') DESC, o.order_no DESC LIMIT $7::int4;
