UPDATE config SET revision = revision + 1 WHERE config_id = 1;
