-- How far these providers' other sheets are: ord is the provider's place, from 1.
SELECT k.ord, p.done, p.upto
FROM unnest($1::int4[]) WITH ORDINALITY k(provider_id, ord)
JOIN recomputation_position p ON p.provider_id = k.provider_id AND p.recomputation_id = $2::int8;
