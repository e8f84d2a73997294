SELECT provider_id, seq, revision, last_record_at FROM provider_head WHERE provider_id = $1::int4;
