UPDATE upload u
SET status = k.status, finished_at = k.finished_at, received = k.received, accepted = k.accepted, duplicates = k.duplicates,
    rejected = k.rejected
FROM unnest($1::int8[], $2::text[], $3::int2[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[], $8::int8[], $9::int8[],
            $10::int8[], $11::int8[])
     k(upload_id, kind, party, status, request_id, received_at, finished_at, received, accepted, duplicates, rejected)
WHERE u.upload_id = k.upload_id;
