UPDATE upload SET seen_at = $2::timestamptz WHERE upload_id = $1::int8;
