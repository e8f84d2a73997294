-- Which of these orders have a row: ord is the key's place, from 1.
SELECT k.ord, o.provider_id, o.state, o.channel, o.customer_class, o.warranty, o.opened_at, o.dispatched_at, o.closed_at, o.order_no, o.product, o.packed
FROM unnest($1::int4[], $2::text[]) WITH ORDINALITY k(provider_id, order_no, ord)
JOIN work_order o ON o.provider_id = k.provider_id AND o.order_no = k.order_no COLLATE "C";
