-- Of the sheets in force.
SELECT t.provider_id, t.scheme_id, t.month, t.rate, t.orders
FROM pay_tally t LEFT JOIN sheet_in_force f ON f.provider_id = t.provider_id AND f.scheme_id = abs(t.scheme_id)
WHERE t.provider_id = $1::int4 AND t.orders <> 0 AND t.scheme_id = coalesce(f.sheet, abs(t.scheme_id))
ORDER BY abs(t.scheme_id), t.month, t.rate;
