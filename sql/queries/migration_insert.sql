INSERT INTO schema_migration (version, name, applied_at) VALUES ($1::int4, $2::text, $3::timestamptz);
