SELECT origin = feed_origin() FROM feed WHERE feed_id = 1 FOR UPDATE;
