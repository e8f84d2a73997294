-- Add vectors to the months' counts. $4 holds the vectors end to end, $5 elements each; a stored vector may be shorter.
INSERT INTO tally (provider_id, scheme_id, month, counts)
SELECT k.provider_id, k.scheme_id, k.month, ($4::int4[])[(k.ord - 1) * $5::int4 + 1 : k.ord * $5::int4]
FROM unnest($1::int4[], $2::int2[], $3::int4[]) WITH ORDINALITY k(provider_id, scheme_id, month, ord)
ON CONFLICT (provider_id, scheme_id, month) DO UPDATE
SET counts = ARRAY(SELECT coalesce(u.was, 0) + coalesce(u.more, 0)
                   FROM unnest(tally.counts, excluded.counts) WITH ORDINALITY u(was, more, i) ORDER BY u.i);
