COPY change (place, seq, provider_id, what, name, effects) FROM STDIN (FORMAT binary);
