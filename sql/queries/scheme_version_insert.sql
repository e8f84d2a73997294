INSERT INTO scheme_version (scheme_id, version, effective_from, recorded_at, document, recomputation_id)
SELECT k.scheme_id, k.version, k.effective_from, k.recorded_at, k.document, k.recomputation_id
FROM unnest($1::int2[], $2::text[], $3::int4[], $4::date[], $5::timestamptz[], $6::text[], $7::int8[])
     k(scheme_id, code, version, effective_from, recorded_at, document, recomputation_id);
