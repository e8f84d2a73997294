-- Uploads from $2 on and before $3, newest first (an id begins with its time), from behind $1 on. $4, $5: kind and status, ''
-- any. $6 as upload_get's $2. $8, $9: of senders of this party, and of this provider's own; 0 any.
SELECT upload_id, kind, party, status, request_id, received_at, finished_at, received, accepted, duplicates, rejected, content_type,
       bytes, atomic, seen_at, reverted_by, provider_id
FROM (
    SELECT upload_id, kind, party, CASE WHEN status = 'running' AND seen_at < $6::timestamptz THEN 'interrupted' ELSE status END AS status,
           request_id, received_at, finished_at, received, accepted, duplicates, rejected, content_type, bytes, atomic, seen_at, reverted_by, provider_id
    FROM upload
    WHERE upload_id < $1::int8 AND received_at >= $2::timestamptz AND received_at < $3::timestamptz AND ($4::text = '' OR kind = $4::text)
      AND ($8::int2 = 0 OR party = $8::int2) AND ($9::int4 = 0 OR provider_id = $9::int4)
) u
WHERE $5::text = '' OR status = $5::text
ORDER BY upload_id DESC LIMIT $7::int4;
