SELECT DISTINCT provider_id FROM record WHERE upload_id = $1::int8 ORDER BY provider_id;
