COPY work_order (provider_id, state, channel, customer_class, warranty, opened_at, dispatched_at, closed_at, order_no, product, packed)
FROM STDIN (FORMAT binary);
