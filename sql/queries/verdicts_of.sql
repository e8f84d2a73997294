-- Of the sheets in force.
SELECT v.provider_id, v.scheme_id, v.outcome, v.reason, v.scheme_version, v.calendar_version, v.month, v.diagnosis, v.cycle,
       v.diagnosis_deadline, v.cycle_deadline, v.order_no, v.rate
FROM verdict v LEFT JOIN sheet_in_force f ON f.provider_id = v.provider_id AND f.scheme_id = abs(v.scheme_id)
WHERE v.provider_id = $1::int4 AND v.scheme_id = coalesce(f.sheet, abs(v.scheme_id))
ORDER BY v.scheme_id, v.order_no;
