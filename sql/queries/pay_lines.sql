SELECT v.order_no, o.product, o.warranty, v.rate
FROM verdict v JOIN work_order o ON o.provider_id = v.provider_id AND o.order_no = v.order_no
WHERE v.provider_id = $1::int4 AND v.scheme_id = coalesce((SELECT f.sheet FROM sheet_in_force f WHERE f.provider_id = $1::int4 AND f.scheme_id = $2::int2), $2::int2)
  AND v.month = $3::int4 AND v.order_no > $4::text COLLATE "C"
  AND v.rate IS NOT NULL
ORDER BY v.order_no LIMIT $5::int4;
