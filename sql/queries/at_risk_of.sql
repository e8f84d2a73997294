-- at_risk of one provider ($10): there the open orders are the shorter list.
SELECT o.provider_id, o.order_no, c.deadline, o.opened_at, c.cycle, o.channel, o.customer_class, o.warranty, o.product
FROM work_order o
JOIN verdict v ON v.provider_id = o.provider_id AND v.scheme_id = coalesce((SELECT f.sheet FROM sheet_in_force f WHERE f.provider_id = $10::int4 AND f.scheme_id = $1::int2), $1::int2)
             AND v.order_no = o.order_no
CROSS JOIN LATERAL (
    SELECT clock.deadline, clock.cycle
    FROM (VALUES (v.diagnosis_deadline, false, v.diagnosis = $4::int2 AND v.diagnosis_deadline >= $2::timestamptz),
                 (v.cycle_deadline, true, true)) clock(deadline, cycle, listed)
    WHERE clock.listed AND clock.deadline <= $3::timestamptz
    ORDER BY clock.deadline, clock.cycle LIMIT 1
) c
WHERE o.provider_id = $10::int4 AND o.state = 1
  AND (c.deadline, o.provider_id, o.order_no, c.cycle) > ($5::timestamptz, $6::int4, $7::text COLLATE "C", $8::bool)
ORDER BY c.deadline, o.order_no LIMIT $9::int4;
