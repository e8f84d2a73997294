-- Versions of these providers that waited for a recomputation which touches none of their figures: recorded.
UPDATE provider_version SET recomputation_id = NULL
WHERE recomputation_id = $1::int8 AND provider_id = ANY($2::int4[]);
