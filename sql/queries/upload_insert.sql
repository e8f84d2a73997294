-- Said twice (the first time unheard) it is one upload; another upload's id is not taken.
INSERT INTO upload (upload_id, kind, party, status, request_id, received_at, finished_at, received, accepted, duplicates, rejected,
                    content_type, bytes, atomic, seen_at, reverted_by, provider_id)
SELECT * FROM unnest($1::int8[], $2::text[], $3::int2[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[], $8::int8[],
                     $9::int8[], $10::int8[], $11::int8[], $12::text[], $13::int8[], $14::bool[], $15::timestamptz[], $16::int8[], $17::int4[])
ON CONFLICT (upload_id) DO UPDATE SET status = excluded.status
WHERE upload.request_id = excluded.request_id AND upload.received_at = excluded.received_at;
