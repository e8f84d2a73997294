-- $2: when it expires, $3: when it was revoked; null leaves what stands. What has ended is not made to last again.
UPDATE api_key SET expires_at = least(expires_at, $2::timestamptz), revoked_at = coalesce(revoked_at, $3::timestamptz) WHERE key_id = $1::text;
