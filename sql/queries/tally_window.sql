-- The months' counts, on the sheet in force, of every provider that ever sent a record (counts null: none in these months),
-- with its orders open now that were opened in [$4, $5), and its last record. The caller adds the months up.
SELECT h.provider_id, coalesce(o.open, 0), h.last_record_at, t.counts
FROM provider_head h
LEFT JOIN sheet_in_force f ON f.provider_id = h.provider_id AND f.scheme_id = $1::int2
LEFT JOIN tally t ON t.provider_id = h.provider_id AND t.scheme_id = coalesce(f.sheet, $1::int2)
                 AND t.scheme_id IN ($1::int2, -$1::int2) AND t.month BETWEEN $2::int4 AND $3::int4
LEFT JOIN (SELECT provider_id, count(*) AS open FROM work_order WHERE state = 1 AND opened_at >= $4::timestamptz AND opened_at < $5::timestamptz GROUP BY provider_id) o
     ON o.provider_id = h.provider_id
ORDER BY h.provider_id;
