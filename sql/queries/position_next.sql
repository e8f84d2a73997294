SELECT provider_id FROM recomputation_position WHERE recomputation_id = $1::int8 AND NOT done ORDER BY provider_id LIMIT 1;
