INSERT INTO work_order (provider_id, state, channel, customer_class, warranty, opened_at, dispatched_at, closed_at, order_no, product, packed)
SELECT * FROM unnest($1::int4[], $2::int2[], $3::int2[], $4::int2[], $5::int2[], $6::timestamptz[], $7::timestamptz[],
                     $8::timestamptz[], $9::text[], $10::text[], $11::bytea[])
ON CONFLICT (provider_id, order_no) DO UPDATE
SET state = excluded.state, channel = excluded.channel, customer_class = excluded.customer_class, warranty = excluded.warranty,
    opened_at = excluded.opened_at, dispatched_at = excluded.dispatched_at, closed_at = excluded.closed_at,
    product = excluded.product, packed = excluded.packed;
