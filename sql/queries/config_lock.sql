SELECT revision FROM config WHERE config_id = 1 FOR UPDATE;
