-- Under all their head locks: of each touched provider and each of these schemes ($2) the other sheet is in force.
INSERT INTO sheet_in_force AS f (provider_id, scheme_id, sheet)
SELECT p.provider_id, k.scheme_id, -k.scheme_id
FROM recomputation_position p CROSS JOIN unnest($2::int2[]) k(scheme_id)
WHERE p.recomputation_id = $1::int8
ON CONFLICT (provider_id, scheme_id) DO UPDATE SET sheet = -f.sheet;
