-- Lock one head without a new revision: nothing that is read changes. No row: nothing was ever sent.
SELECT provider_id, seq, revision, last_record_at FROM provider_head WHERE provider_id = $1::int4 FOR UPDATE;
