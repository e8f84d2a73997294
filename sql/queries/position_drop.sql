DELETE FROM recomputation_position WHERE provider_id = $1::int4 AND recomputation_id = $2::int8;
