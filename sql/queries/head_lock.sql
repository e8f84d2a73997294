-- Lock heads in key order, making those that are not there; every such lock is a new revision.
INSERT INTO provider_head (provider_id, seq, revision)
SELECT k.provider_id, 0, 1 FROM unnest($1::int4[]) k(provider_id) ORDER BY k.provider_id
ON CONFLICT (provider_id) DO UPDATE SET revision = provider_head.revision + 1
RETURNING provider_id, seq, revision, last_record_at;
