-- What waited for this recomputation will not come into force: as if it had never been sent.
WITH calendars AS (DELETE FROM calendar_version WHERE recomputation_id = $1::int8),
     rates AS (DELETE FROM rates_version WHERE recomputation_id = $1::int8),
     schemes AS (DELETE FROM scheme_version WHERE recomputation_id = $1::int8)
DELETE FROM provider_version WHERE recomputation_id = $1::int8;
