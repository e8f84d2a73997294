-- Responses that name no order and stand.
SELECT seq, at, received_at, upload_id, provider_id, kind, type, party, id, order_no, content
FROM record r
WHERE provider_id = $1::int4 AND kind = $2::int2 AND order_no IS NULL
  AND NOT EXISTS (SELECT FROM voided v WHERE v.provider_id = r.provider_id AND v.kind = r.kind AND v.id = r.id)
ORDER BY id;
