SELECT k.key_id, k.name, k.role, k.provider_id, k.digest, k.created_at, k.created_by, k.expires_at, k.revoked_at, k.replaces,
       k.last_used_at, p.code
FROM api_key k LEFT JOIN provider p USING (provider_id) ORDER BY k.created_at, k.key_id;
