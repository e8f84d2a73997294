INSERT INTO config (config_id, revision, engine) VALUES (1, 1, $1::int4);
