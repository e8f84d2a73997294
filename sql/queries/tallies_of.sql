SELECT provider_id, scheme_id, month, counts FROM tally WHERE provider_id = $1::int4 ORDER BY scheme_id, month;
