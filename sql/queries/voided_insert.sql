INSERT INTO voided (provider_id, kind, id)
SELECT * FROM unnest($1::int4[], $2::int2[], $3::text[])
ON CONFLICT (provider_id, kind, id) DO NOTHING;
