SELECT v.provider_id, v.scheme_id, v.outcome, v.reason, v.scheme_version, v.calendar_version, v.month, v.diagnosis, v.cycle,
       v.diagnosis_deadline, v.cycle_deadline, v.order_no, v.rate
FROM verdict v
WHERE v.provider_id = $1::int4
ORDER BY v.scheme_id, v.order_no;
