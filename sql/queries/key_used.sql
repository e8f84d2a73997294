UPDATE api_key k SET last_used_at = greatest(k.last_used_at, u.at)
FROM unnest($1::text[], $2::timestamptz[]) u(key_id, at) WHERE k.key_id = u.key_id;
