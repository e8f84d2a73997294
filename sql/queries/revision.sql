SELECT (SELECT coalesce(sum(revision), 0)::int8 FROM provider_head), (SELECT revision FROM config WHERE config_id = 1),
       (SELECT revision FROM access WHERE access_id = 1);
