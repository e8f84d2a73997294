SELECT provider_id, scheme_id, month, rate, orders FROM pay_tally
WHERE provider_id = $1::int4 AND orders <> 0
ORDER BY scheme_id, month, rate;
