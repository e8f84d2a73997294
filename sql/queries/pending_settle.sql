-- What waited for this recomputation is recorded.
WITH calendars AS (UPDATE calendar_version SET recomputation_id = NULL WHERE recomputation_id = $1::int8),
     rates AS (UPDATE rates_version SET recomputation_id = NULL WHERE recomputation_id = $1::int8),
     schemes AS (UPDATE scheme_version SET recomputation_id = NULL WHERE recomputation_id = $1::int8)
UPDATE provider_version SET recomputation_id = NULL WHERE recomputation_id = $1::int8;
