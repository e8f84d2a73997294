SELECT provider_id, scheme_id, month, rate, orders FROM pay_tally
WHERE provider_id = $1::int4 AND scheme_id = $2::int2 AND month BETWEEN $3::int4 AND $4::int4 AND orders <> 0
ORDER BY month, rate;
