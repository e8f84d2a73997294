INSERT INTO calendar_version (code, version, recorded_at, document, recomputation_id)
SELECT k.code, k.version, k.recorded_at, k.document, k.recomputation_id
FROM unnest($1::int2[], $2::text[], $3::int4[], $4::date[], $5::timestamptz[], $6::text[], $7::int8[])
     k(scheme_id, code, version, effective_from, recorded_at, document, recomputation_id);
