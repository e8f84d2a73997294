SELECT recomputation_id, cause_kind, cause_code, cause_version, status, untidy, every_provider, started_at, finished_at, reason, runner, beat_at,
       providers, providers_done, orders, orders_judged, orders_changed, schemes
FROM recomputation WHERE status = 1;
