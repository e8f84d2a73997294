-- The schemes of these versions that are not there yet. (A row's other columns are scheme_version_insert's.)
INSERT INTO scheme (scheme_id, code)
SELECT DISTINCT k.scheme_id, k.code
FROM unnest($1::int2[], $2::text[], $3::int4[], $4::date[], $5::timestamptz[], $6::text[], $7::int8[])
     k(scheme_id, code, version, effective_from, recorded_at, document, recomputation_id)
ON CONFLICT (scheme_id) DO NOTHING;
