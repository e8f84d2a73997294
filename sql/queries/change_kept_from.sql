-- What stood below this place at $1 was as old then.
SELECT coalesce(max(place), 0) FROM change_mark WHERE at <= $1::timestamptz;
