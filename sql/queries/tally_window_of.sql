-- tally_window of some providers.
SELECT h.provider_id, o.open, h.last_record_at, t.counts
FROM provider_head h
CROSS JOIN LATERAL (SELECT count(*) AS open FROM work_order w
                    WHERE w.provider_id = h.provider_id AND w.state = 1 AND w.opened_at >= $5::timestamptz AND w.opened_at < $6::timestamptz) o
LEFT JOIN sheet_in_force f ON f.provider_id = h.provider_id AND f.scheme_id = $2::int2
LEFT JOIN tally t ON t.provider_id = h.provider_id AND t.scheme_id = coalesce(f.sheet, $2::int2) AND t.month BETWEEN $3::int4 AND $4::int4
WHERE h.provider_id = ANY($1::int4[])
ORDER BY h.provider_id;
