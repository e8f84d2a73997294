-- One that says it runs but was not seen since $2 was broken off.
SELECT upload_id, kind, party, CASE WHEN status = 'running' AND seen_at < $2::timestamptz THEN 'interrupted' ELSE status END,
       request_id, received_at, finished_at, received, accepted, duplicates, rejected, content_type, bytes, atomic, seen_at, reverted_by, provider_id
FROM upload WHERE upload_id = $1::int8;
