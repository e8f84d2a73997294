-- Which of these keys a void names: ord is the key's place, from 1.
SELECT k.ord
FROM unnest($1::int4[], $2::int2[], $3::text[]) WITH ORDINALITY k(provider_id, kind, id, ord)
JOIN voided v ON v.provider_id = k.provider_id AND v.kind = k.kind AND v.id = k.id COLLATE "C";
