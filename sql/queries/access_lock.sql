SELECT revision FROM access WHERE access_id = 1 FOR UPDATE;
