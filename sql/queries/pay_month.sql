SELECT provider_id, scheme_id, month, rate, orders FROM pay_tally
WHERE scheme_id = $1::int2 AND month = $2::int4 AND orders <> 0
ORDER BY provider_id, rate;
