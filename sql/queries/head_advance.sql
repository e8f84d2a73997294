-- Heads that this transaction has locked: what it has brought. Their revision ($3) has moved with the lock.
UPDATE provider_head h SET seq = k.seq, last_record_at = k.last_record_at
FROM unnest($1::int4[], $2::int8[], $3::int8[], $4::timestamptz[]) k(provider_id, seq, revision, last_record_at)
WHERE h.provider_id = k.provider_id;
