-- The counts of every provider, month by month.
SELECT provider_id, scheme_id, month, counts FROM tally
WHERE scheme_id = $1::int2 AND month BETWEEN $2::int4 AND $3::int4
ORDER BY provider_id, month;
