-- Records by key, in the order of the keys.
SELECT r.seq, r.at, r.received_at, r.upload_id, r.provider_id, r.kind, r.type, r.party, r.id, r.order_no, r.content
FROM unnest($1::int4[], $2::int2[], $3::text[]) WITH ORDINALITY k(provider_id, kind, id, ord)
JOIN record r ON r.provider_id = k.provider_id AND r.kind = k.kind AND r.id = k.id COLLATE "C"
ORDER BY k.ord;
