SELECT provider_id, seq, revision, last_record_at FROM provider_head ORDER BY provider_id;
