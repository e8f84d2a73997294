UPDATE recomputation SET untidy = false WHERE recomputation_id = $1::int8;
