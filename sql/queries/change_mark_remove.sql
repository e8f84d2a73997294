-- Marks before the one that holds for $1.
DELETE FROM change_mark WHERE at < (SELECT max(m.at) FROM change_mark m WHERE m.at <= $1::timestamptz);
