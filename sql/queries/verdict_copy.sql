COPY verdict (provider_id, scheme_id, outcome, reason, scheme_version, calendar_version, month, diagnosis, cycle, diagnosis_deadline,
              cycle_deadline, order_no, rate)
FROM STDIN (FORMAT binary);
