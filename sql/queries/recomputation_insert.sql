INSERT INTO recomputation (recomputation_id, cause_kind, cause_code, cause_version, schemes, status, untidy, every_provider, started_at, runner,
                           beat_at, providers, providers_done, orders, orders_judged, orders_changed)
VALUES ($1::int8, $2::int2, $3::text, $4::int4, $5::int2[], 1, true, $6::bool, $7::timestamptz, $8::int8, $7::timestamptz,
        cardinality($9::int4[]), 0, 0, 0, 0);
