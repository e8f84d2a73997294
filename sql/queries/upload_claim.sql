-- $2 shall take back upload $1, unless another does already.
UPDATE upload SET reverted_by = $2::int8 WHERE upload_id = $1::int8 AND reverted_by IS NULL;
