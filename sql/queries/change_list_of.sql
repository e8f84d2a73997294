-- Changes of the configuration behind revision $3, then those of a provider ($1) behind its seq $2. Without a change there
-- is one row all the same. A provider's commits come one after the other, so there is no horizon to wait for.
SELECT f.era, f.origin = feed_origin(), coalesce(h.seq, 0), g.revision, coalesce(p.seq, 0), coalesce(r.seq, 0),
       c.place, c.seq, c.provider_id, c.what, c.name, c.effects
FROM feed f CROSS JOIN config g
LEFT JOIN provider_head h ON h.provider_id = $1::int4
LEFT JOIN change_floor p ON p.provider_id = $1::int4
LEFT JOIN change_floor r ON r.provider_id = 0
LEFT JOIN ((SELECT place, seq, provider_id, what, name, effects FROM change
            WHERE provider_id = 0 AND seq > $3::int8 ORDER BY seq LIMIT $4::int4)
           UNION ALL
           (SELECT place, seq, provider_id, what, name, effects FROM change
            WHERE provider_id = $1::int4 AND seq > $2::int8 ORDER BY seq LIMIT $4::int4)) c ON true
ORDER BY c.provider_id, c.seq;
