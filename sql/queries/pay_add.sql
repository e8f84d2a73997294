-- Add to the numbers of orders at a rate. A number that falls to 0 stays and is passed over by reads.
INSERT INTO pay_tally (provider_id, scheme_id, month, rate, orders)
SELECT * FROM unnest($1::int4[], $2::int2[], $3::int4[], $4::int8[], $5::int4[])
ON CONFLICT (provider_id, scheme_id, month, rate) DO UPDATE SET orders = pay_tally.orders + excluded.orders;
