SELECT t.provider_id, $1::int2, t.month, t.rate, t.orders
FROM pay_tally t LEFT JOIN sheet_in_force f ON f.provider_id = t.provider_id AND f.scheme_id = $1::int2
WHERE t.scheme_id IN ($1::int2, -$1::int2) AND t.month = $2::int4 AND t.orders <> 0 AND t.scheme_id = coalesce(f.sheet, $1::int2)
ORDER BY t.provider_id, t.rate;
