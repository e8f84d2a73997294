-- All voids of these providers, the newest first.
SELECT r.seq, r.at, r.received_at, r.upload_id, r.provider_id, r.kind, r.type, r.party, r.id, r.order_no, r.content
FROM record r
WHERE r.provider_id = ANY ($1::int4[]) AND r.type = 13
ORDER BY r.provider_id, r.seq DESC;
