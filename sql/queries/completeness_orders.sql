-- Of each provider: orders whose opening (or dispatch) lies in [$2, $3) and what they are now, orders closed then, what the
-- verdicts of the month ($5) under the scheme ($4) miss, by reason; and the last record.
SELECT p.provider_id, o.opened, o.open, o.cancelled, c.closed, v.missing_open, v.request_before_open, v.close_before_start,
       v.missing_shipment, h.last_record_at
FROM unnest($1::int4[]) p(provider_id)
LEFT JOIN provider_head h USING (provider_id)
CROSS JOIN LATERAL (
    SELECT count(*) AS opened, count(*) FILTER (WHERE w.state = 1) AS open, count(*) FILTER (WHERE w.state = 3) AS cancelled
    FROM work_order w
    WHERE w.provider_id = p.provider_id AND w.state > 0
      AND coalesce(w.opened_at, '-infinity') >= $2::timestamptz AND coalesce(w.opened_at, '-infinity') < $3::timestamptz) o
CROSS JOIN LATERAL (
    SELECT count(*) AS closed FROM work_order w
    WHERE w.provider_id = p.provider_id AND w.closed_at >= $2::timestamptz AND w.closed_at < $3::timestamptz) c
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE v.reason = 1) AS missing_open, count(*) FILTER (WHERE v.reason = 2) AS request_before_open,
           count(*) FILTER (WHERE v.reason = 3) AS close_before_start, count(*) FILTER (WHERE v.reason = 4) AS missing_shipment
    FROM verdict v
    WHERE v.provider_id = p.provider_id AND v.scheme_id = coalesce((SELECT f.sheet FROM sheet_in_force f WHERE f.provider_id = p.provider_id AND f.scheme_id = $4::int2), $4::int2)
      AND v.month = $5::int4 AND v.outcome = 3) v
ORDER BY p.provider_id;
