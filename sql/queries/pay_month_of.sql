SELECT t.provider_id, $2::int2, t.month, t.rate, t.orders
FROM unnest($1::int4[]) k(provider_id)
LEFT JOIN sheet_in_force f ON f.provider_id = k.provider_id AND f.scheme_id = $2::int2
JOIN pay_tally t ON t.provider_id = k.provider_id AND t.scheme_id = coalesce(f.sheet, $2::int2)
WHERE t.month = $3::int4 AND t.orders <> 0
ORDER BY t.provider_id, t.rate;
