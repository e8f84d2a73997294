-- The months' counts, on the sheet in force, of every provider that ever sent a record (counts null: none in these months),
-- with its orders open now that were opened in [$4, $5), and its last record. The caller adds the months up.
SELECT provider_id, coalesce(o.open, 0), h.last_record_at, t.counts
FROM provider_head h
LEFT JOIN (SELECT t.provider_id, t.counts
           FROM tally t LEFT JOIN sheet_in_force f ON f.provider_id = t.provider_id AND f.scheme_id = $1::int2
           WHERE t.scheme_id IN ($1::int2, -$1::int2) AND t.month BETWEEN $2::int4 AND $3::int4 AND t.scheme_id = coalesce(f.sheet, $1::int2)) t
     USING (provider_id)
LEFT JOIN (SELECT provider_id, count(*) AS open FROM work_order WHERE state = 1 AND opened_at >= $4::timestamptz AND opened_at < $5::timestamptz GROUP BY provider_id) o
     USING (provider_id)
ORDER BY provider_id;
