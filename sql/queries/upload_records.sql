-- What an upload brought (to one provider, where $2 is not 0), order by order; whether it is voided, and whether by the void
-- whose id is $3 and its sequence.
SELECT r.seq, r.at, r.received_at, r.upload_id, r.provider_id, r.kind, r.type, r.party, r.id, r.order_no, ''::text,
       v.provider_id IS NOT NULL, o.provider_id IS NOT NULL
FROM record r
LEFT JOIN voided v ON v.provider_id = r.provider_id AND v.kind = r.kind AND v.id = r.id
LEFT JOIN record o ON o.provider_id = r.provider_id AND o.kind = 0 AND o.id = $3::text || r.seq::text COLLATE "C"
WHERE r.upload_id = $1::int8 AND ($2::int4 = 0 OR r.provider_id = $2::int4)
ORDER BY r.provider_id, r.order_no, r.seq;
