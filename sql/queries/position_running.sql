-- Whether a recomputation that runs touches this provider.
SELECT EXISTS (SELECT FROM recomputation_position p
               WHERE p.provider_id = $1::int4 AND p.recomputation_id = (SELECT r.recomputation_id FROM recomputation r WHERE r.status = 1));
