-- What voids name, with the order it belongs to (provider_id null: none) and whether a void named it before: ord is the
-- target's place, from 1. An order's packed records come once, with the first of its targets, whose place stands last.
SELECT k.ord, r.seq, r.at, r.received_at, r.upload_id, r.provider_id, r.kind, r.type, r.party, r.id, r.order_no, r.content,
       o.provider_id, o.state, o.channel, o.customer_class, o.warranty, o.opened_at, o.dispatched_at, o.closed_at, o.order_no, o.product,
       CASE WHEN k.ord = min(k.ord) OVER of_order THEN o.packed END,
       v.provider_id IS NOT NULL, min(k.ord) OVER of_order
FROM unnest($1::int4[], $2::int2[], $3::text[]) WITH ORDINALITY k(provider_id, kind, id, ord)
JOIN record r ON r.provider_id = k.provider_id AND r.kind = k.kind AND r.id = k.id COLLATE "C"
LEFT JOIN work_order o ON o.provider_id = r.provider_id AND o.order_no = r.order_no
LEFT JOIN voided v ON v.provider_id = r.provider_id AND v.kind = r.kind AND v.id = r.id
WINDOW of_order AS (PARTITION BY o.provider_id, o.order_no);
