INSERT INTO record (seq, at, received_at, upload_id, provider_id, kind, type, party, id, order_no, content)
SELECT * FROM unnest($1::int8[], $2::timestamptz[], $3::timestamptz[], $4::int8[], $5::int4[], $6::int2[], $7::int2[], $8::int2[],
                     $9::text[], $10::text[], $11::text[]);
