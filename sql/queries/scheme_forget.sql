-- A scheme whose only version was withdrawn. (A statement of its own: the deletion must be seen.)
DELETE FROM scheme s WHERE NOT EXISTS (SELECT FROM scheme_version v WHERE v.scheme_id = s.scheme_id);
