-- Observations of a provider by time, newest first; from behind ($5, $6) on. $2: content of an indicator's begins so.
SELECT r.seq, r.at, r.received_at, r.upload_id, r.provider_id, r.kind, r.type, r.party, r.id, r.order_no, r.content,
       v.provider_id IS NOT NULL
FROM record r
LEFT JOIN voided v ON v.provider_id = r.provider_id AND v.kind = r.kind AND v.id = r.id
WHERE r.provider_id = $1::int4 AND r.kind = 4 AND starts_with(r.content, $2::text)
  AND r.at >= $3::timestamptz AND r.at < $4::timestamptz AND (r.at, r.id) < ($5::timestamptz, $6::text COLLATE "C")
ORDER BY r.at DESC, r.id DESC LIMIT $7::int4;
