-- What a running recomputation has filled of a provider is to be filled again.
UPDATE recomputation_position p SET upto = NULL, done = false, orders_judged = 0, orders_changed = 0
WHERE p.provider_id = $1::int4 AND p.recomputation_id = (SELECT r.recomputation_id FROM recomputation r WHERE r.status = 1);
