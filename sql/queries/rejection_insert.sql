-- Said twice (the first time unheard) a row stands once.
INSERT INTO upload_rejection (n, line, id, code, pointer, detail, body, upload_id)
SELECT k.*, $8::int8 FROM unnest($1::int8[], $2::int8[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bytea[]) k
ON CONFLICT (upload_id, n) DO NOTHING;
