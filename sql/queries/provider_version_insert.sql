INSERT INTO provider_version (provider_id, version, effective_from, recorded_at, name, city, ascim, status, recomputation_id)
SELECT k.provider_id, k.version, k.effective_from, k.recorded_at, k.name, k.city, k.ascim, k.status, k.recomputation_id
FROM unnest($1::int4[], $2::int4[], $3::date[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::bool[], $9::text[], $10::int8[])
     k(provider_id, version, effective_from, recorded_at, code, name, city, ascim, status, recomputation_id);
