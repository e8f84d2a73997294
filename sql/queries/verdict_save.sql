INSERT INTO verdict (provider_id, scheme_id, outcome, reason, scheme_version, calendar_version, month, diagnosis, cycle,
                     diagnosis_deadline, cycle_deadline, order_no, rate)
SELECT * FROM unnest($1::int4[], $2::int2[], $3::int2[], $4::int2[], $5::int4[], $6::int4[], $7::int4[], $8::int2[], $9::int2[],
                     $10::timestamptz[], $11::timestamptz[], $12::text[], $13::int8[])
ON CONFLICT (provider_id, scheme_id, order_no) DO UPDATE
SET outcome = excluded.outcome, reason = excluded.reason, scheme_version = excluded.scheme_version,
    calendar_version = excluded.calendar_version, month = excluded.month, diagnosis = excluded.diagnosis, cycle = excluded.cycle,
    diagnosis_deadline = excluded.diagnosis_deadline, cycle_deadline = excluded.cycle_deadline, rate = excluded.rate;
