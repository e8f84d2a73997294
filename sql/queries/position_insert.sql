-- $3: of providers that are new, whose every record will be written to both sheets.
INSERT INTO recomputation_position (provider_id, recomputation_id, done, orders_judged, orders_changed)
SELECT k.provider_id, $1::int8, $3::bool, 0, 0 FROM unnest($2::int4[]) k(provider_id);
