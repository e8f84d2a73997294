UPDATE config SET engine = $1::int4 WHERE config_id = 1;
