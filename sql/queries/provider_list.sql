SELECT p.provider_id, v.version, v.effective_from, v.recorded_at, p.code, v.name, v.city, v.ascim, v.status, v.recomputation_id
FROM provider p JOIN provider_version v USING (provider_id)
ORDER BY p.provider_id, v.effective_from, v.version;
