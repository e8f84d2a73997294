INSERT INTO audit (audit_id, at, actor, role, request_id, action, subject, before, after)
SELECT * FROM unnest($1::int8[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[]);
