SELECT t.provider_id, $2::int2, t.month, t.rate, t.orders FROM pay_tally t
WHERE t.provider_id = $1::int4
  AND t.scheme_id = coalesce((SELECT f.sheet FROM sheet_in_force f WHERE f.provider_id = $1::int4 AND f.scheme_id = $2::int2), $2::int2)
  AND t.month BETWEEN $3::int4 AND $4::int4 AND t.orders <> 0
ORDER BY t.month, t.rate;
