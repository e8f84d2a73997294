-- Of every provider, on the sheet in force. (Who has pay has a head: joined from there the plan is a merge.)
SELECT t.provider_id, $1::int2, t.month, t.rate, t.orders
FROM provider_head h
LEFT JOIN sheet_in_force f ON f.provider_id = h.provider_id AND f.scheme_id = $1::int2
JOIN pay_tally t ON t.provider_id = h.provider_id AND t.scheme_id = coalesce(f.sheet, $1::int2)
WHERE t.scheme_id IN ($1::int2, -$1::int2) AND t.month = $2::int4 AND t.orders <> 0
ORDER BY t.provider_id, t.rate;
