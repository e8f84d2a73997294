SELECT seq, at, received_at, upload_id, provider_id, kind, type, party, id, order_no, content
FROM record
WHERE provider_id = $1::int4
ORDER BY order_no, kind, id;
