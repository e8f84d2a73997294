INSERT INTO api_key (key_id, name, role, provider_id, digest, created_at, created_by, expires_at, revoked_at, replaces, last_used_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::int2[], $4::int4[], $5::bytea[], $6::timestamptz[], $7::text[], $8::timestamptz[],
                     $9::timestamptz[], $10::text[], $11::timestamptz[]);
