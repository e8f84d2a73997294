-- Open orders by the sooner of their clocks that runs out by $3: a cycle also when it has, a diagnosis ($4: pending) from
-- $2 on. Each branch reads its index in order, from behind the cursor ($5 to $8) on; no order is in two: a provider's
-- sheet in force is the scheme's own or the other.
SELECT r.provider_id, r.order_no, r.deadline, o.opened_at, r.cycle, o.channel, o.customer_class, o.warranty, o.product
FROM (
    (SELECT v.provider_id, v.order_no, v.cycle_deadline AS deadline, true AS cycle
     FROM verdict v
     WHERE v.scheme_id = $1::int2 AND v.cycle_deadline <= $3::timestamptz AND v.cycle_deadline >= $5::timestamptz
       AND (v.cycle_deadline, v.provider_id, v.order_no, true) > ($5::timestamptz, $6::int4, $7::text COLLATE "C", $8::bool)
       AND (v.diagnosis = $4::int2 AND v.diagnosis_deadline >= $2::timestamptz AND v.diagnosis_deadline <= v.cycle_deadline) IS NOT TRUE
       AND NOT EXISTS (SELECT FROM sheet_in_force f WHERE f.provider_id = v.provider_id AND f.scheme_id = $1::int2 AND f.sheet < 0)
     ORDER BY v.cycle_deadline, v.provider_id, v.order_no LIMIT $9::int4)
    UNION ALL
    (SELECT v.provider_id, v.order_no, v.cycle_deadline AS deadline, true AS cycle
     FROM verdict v
     WHERE v.scheme_id = -$1::int2 AND v.cycle_deadline <= $3::timestamptz AND v.cycle_deadline >= $5::timestamptz
       AND (v.cycle_deadline, v.provider_id, v.order_no, true) > ($5::timestamptz, $6::int4, $7::text COLLATE "C", $8::bool)
       AND (v.diagnosis = $4::int2 AND v.diagnosis_deadline >= $2::timestamptz AND v.diagnosis_deadline <= v.cycle_deadline) IS NOT TRUE
       AND EXISTS (SELECT FROM sheet_in_force f WHERE f.provider_id = v.provider_id AND f.scheme_id = $1::int2 AND f.sheet < 0)
     ORDER BY v.cycle_deadline, v.provider_id, v.order_no LIMIT $9::int4)
    UNION ALL
    (SELECT v.provider_id, v.order_no, v.diagnosis_deadline, false
     FROM verdict v
     WHERE v.scheme_id = $1::int2 AND v.diagnosis_deadline <= $3::timestamptz
       AND v.diagnosis_deadline >= greatest($2::timestamptz, $5::timestamptz) AND v.diagnosis = $4::int2
       AND (v.diagnosis_deadline, v.provider_id, v.order_no, false) > ($5::timestamptz, $6::int4, $7::text COLLATE "C", $8::bool)
       AND (v.cycle_deadline < v.diagnosis_deadline) IS NOT TRUE
       AND NOT EXISTS (SELECT FROM sheet_in_force f WHERE f.provider_id = v.provider_id AND f.scheme_id = $1::int2 AND f.sheet < 0)
     ORDER BY v.diagnosis_deadline, v.provider_id, v.order_no LIMIT $9::int4)
    UNION ALL
    (SELECT v.provider_id, v.order_no, v.diagnosis_deadline, false
     FROM verdict v
     WHERE v.scheme_id = -$1::int2 AND v.diagnosis_deadline <= $3::timestamptz
       AND v.diagnosis_deadline >= greatest($2::timestamptz, $5::timestamptz) AND v.diagnosis = $4::int2
       AND (v.diagnosis_deadline, v.provider_id, v.order_no, false) > ($5::timestamptz, $6::int4, $7::text COLLATE "C", $8::bool)
       AND (v.cycle_deadline < v.diagnosis_deadline) IS NOT TRUE
       AND EXISTS (SELECT FROM sheet_in_force f WHERE f.provider_id = v.provider_id AND f.scheme_id = $1::int2 AND f.sheet < 0)
     ORDER BY v.diagnosis_deadline, v.provider_id, v.order_no LIMIT $9::int4)
    ORDER BY deadline, provider_id, order_no LIMIT $9::int4
) r
JOIN work_order o ON o.provider_id = r.provider_id AND o.order_no = r.order_no
ORDER BY r.deadline, r.provider_id, r.order_no;
