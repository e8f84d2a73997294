-- Under the provider's head lock, with the rows it speaks of.
UPDATE recomputation_position
SET upto = $3::text, done = $4::bool, orders_judged = orders_judged + $5::int8, orders_changed = orders_changed + $6::int8
WHERE provider_id = $1::int4 AND recomputation_id = $2::int8;
