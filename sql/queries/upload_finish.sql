-- An end that was reached stays: an atomic upload may have ended with a commit that nobody heard of.
UPDATE upload u
SET status = k.status, finished_at = k.finished_at, received = k.received, accepted = k.accepted, duplicates = k.duplicates,
    rejected = k.rejected, bytes = k.bytes, seen_at = k.seen_at
FROM unnest($1::int8[], $2::text[], $3::int2[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[], $8::int8[], $9::int8[],
            $10::int8[], $11::int8[], $12::text[], $13::int8[], $14::bool[], $15::timestamptz[], $16::int8[], $17::int4[])
     k(upload_id, kind, party, status, request_id, received_at, finished_at, received, accepted, duplicates, rejected, content_type,
       bytes, atomic, seen_at, reverted_by, provider_id)
WHERE u.upload_id = k.upload_id AND (u.status = 'running' OR u.status = k.status);
