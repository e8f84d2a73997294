-- From $2 on and before $3, newest first, from behind $1 on. $4, $5, $6: actor, action, subject, '' any.
SELECT audit_id, at, actor, role, request_id, action, subject, before, after
FROM audit
WHERE audit_id < $1::int8 AND at >= $2::timestamptz AND at < $3::timestamptz AND ($4::text = '' OR actor = $4::text)
  AND ($5::text = '' OR action = $5::text) AND ($6::text = '' OR subject = $6::text)
ORDER BY audit_id DESC LIMIT $7::int4;
