SELECT s.scheme_id, s.code, v.version, v.effective_from, v.recorded_at, v.document, v.recomputation_id
FROM scheme s JOIN scheme_version v USING (scheme_id)
ORDER BY s.code, v.version;
