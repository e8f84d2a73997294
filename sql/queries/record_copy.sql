COPY record (seq, at, received_at, upload_id, provider_id, kind, type, party, id, order_no, content) FROM STDIN (FORMAT binary);
