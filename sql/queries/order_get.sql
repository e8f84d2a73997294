SELECT provider_id, state, channel, customer_class, warranty, opened_at, dispatched_at, closed_at, order_no, product, packed
FROM work_order
WHERE provider_id = $1::int4 AND order_no = $2::text COLLATE "C" AND state > 0;
