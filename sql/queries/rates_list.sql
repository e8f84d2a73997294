SELECT 0::int2, code, version, '-infinity'::date, recorded_at, document, recomputation_id FROM rates_version ORDER BY code, version;
