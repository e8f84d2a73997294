SELECT upload_id, kind, party, status, request_id, received_at, finished_at, received, accepted, duplicates, rejected
FROM upload WHERE upload_id = $1::int8;
