-- Marks that no void stands behind any more: a revert took it back, or recompute --repair found the mark.
DELETE FROM voided v USING unnest($1::int4[], $2::int2[], $3::text[]) k(provider_id, kind, id)
WHERE v.provider_id = k.provider_id AND v.kind = k.kind AND v.id = k.id COLLATE "C";
