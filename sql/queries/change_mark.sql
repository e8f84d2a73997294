INSERT INTO change_mark (at, place) VALUES ($1::timestamptz, pg_snapshot_xmin(pg_current_snapshot())::text::int8)
ON CONFLICT (at) DO NOTHING;
