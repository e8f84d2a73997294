-- The providers of these versions that are not there yet. (A row's other columns are provider_version_insert's.)
INSERT INTO provider (provider_id, code)
SELECT DISTINCT k.provider_id, k.code
FROM unnest($1::int4[], $2::int4[], $3::date[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::bool[], $9::text[], $10::int8[])
     k(provider_id, version, effective_from, recorded_at, code, name, city, ascim, status, recomputation_id)
ON CONFLICT (provider_id) DO NOTHING;
