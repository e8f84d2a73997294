-- What an operator asks of a database: settings on which it depends whether what was committed stays, and how it is doing. The
-- database's own clock, since whether it agrees with the daemon's is one of the questions. $1: settings to tell.
SELECT name, setting FROM pg_settings WHERE name = ANY ($1::text[])
UNION ALL SELECT 'encoding', pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()
UNION ALL SELECT 'database_bytes', pg_database_size(current_database())::text
UNION ALL SELECT 'in_recovery', pg_is_in_recovery()::text
UNION ALL SELECT 'clock_us', (extract(epoch FROM clock_timestamp()) * 1000000)::int8::text
UNION ALL SELECT 'connections', count(*)::text FROM pg_stat_activity WHERE backend_type = 'client backend'
UNION ALL SELECT 'oldest_transaction_seconds', coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)::int8::text
          FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
UNION ALL SELECT 'superuser', rolsuper::text FROM pg_roles WHERE rolname = current_user
UNION ALL SELECT 'slots_bytes_held', coalesce(max(pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
          ELSE pg_current_wal_lsn() END, restart_lsn)), 0)::int8::text FROM pg_replication_slots;
