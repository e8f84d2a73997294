-- At most $3 verdicts of sheets ($2) that are not in force, under the provider's head lock, by where they lie: a page costs
-- its rows, however many the provider has.
DELETE FROM verdict
WHERE provider_id = $1::int4 AND ctid = ANY(ARRAY(
    SELECT v.ctid FROM verdict v
    WHERE v.provider_id = $1::int4 AND v.scheme_id = ANY($2::int2[])
      AND NOT EXISTS (SELECT FROM sheet_in_force f WHERE f.provider_id = $1::int4 AND f.sheet = v.scheme_id)
      AND (v.scheme_id < 0 OR EXISTS (SELECT FROM sheet_in_force f WHERE f.provider_id = $1::int4 AND f.scheme_id = v.scheme_id))
    LIMIT $3::int4));
