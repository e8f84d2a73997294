SELECT provider_id, kind, id FROM voided WHERE provider_id = $1::int4 ORDER BY kind, id;
