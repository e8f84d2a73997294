-- Under the configuration's lock.
SELECT coalesce(max(recomputation_id), 0) + 1 FROM recomputation;
