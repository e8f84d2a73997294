UPDATE access SET revision = revision + 1 WHERE access_id = 1;
