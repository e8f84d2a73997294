SELECT n, line, id, code, pointer, detail, body FROM upload_rejection
WHERE upload_id = $1::int8 AND n > $2::int8
ORDER BY n LIMIT $3::int4;
