-- As verdict_clear, all of them: they are few.
DELETE FROM pay_tally t
WHERE t.provider_id = $1::int4 AND t.scheme_id = ANY($2::int2[])
  AND NOT EXISTS (SELECT FROM sheet_in_force f WHERE f.provider_id = $1::int4 AND f.sheet = t.scheme_id)
  AND (t.scheme_id < 0 OR EXISTS (SELECT FROM sheet_in_force f WHERE f.provider_id = $1::int4 AND f.scheme_id = t.scheme_id));
