INSERT INTO change (place, seq, provider_id, what, name, effects)
SELECT * FROM unnest($1::int8[], $2::int8[], $3::int4[], $4::int2[], $5::text[], $6::bytea[]);
