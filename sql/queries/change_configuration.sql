-- Under the configuration's lock: what came of it with revision $1.
INSERT INTO change (place, seq, provider_id, what, name)
VALUES (greatest(pg_current_xact_id()::text::int8, pg_snapshot_xmax(pg_current_snapshot())::text::int8 - 1), $1::int8, 0,
        $2::int2, $3::text);
