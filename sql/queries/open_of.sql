-- For each pair of bounds, a provider's orders open now that were opened within; and its last record.
SELECT (SELECT count(*) FROM work_order w
        WHERE w.provider_id = $1::int4 AND w.state = 1 AND w.opened_at >= b.from_at AND w.opened_at < b.before), h.last_record_at
FROM unnest($2::timestamptz[], $3::timestamptz[]) WITH ORDINALITY b(from_at, before, ord)
LEFT JOIN provider_head h ON h.provider_id = $1::int4
ORDER BY b.ord;
