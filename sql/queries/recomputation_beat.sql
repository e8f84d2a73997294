-- Whoever works says so. Another takes over where nothing was heard since $4.
UPDATE recomputation SET runner = $2::int8, beat_at = $3::timestamptz
WHERE recomputation_id = $1::int8 AND (runner = $2::int8 OR beat_at < $4::timestamptz)
RETURNING recomputation_id;
