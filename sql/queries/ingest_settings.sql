-- The lookups of the write path are nested loops over index scans whatever the statistics say: a batch is small beside
-- the tables it meets, and a plan made while they were empty would outlive that. Until the transaction ends.
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true), set_config('enable_hashjoin', 'off', true),
       set_config('enable_mergejoin', 'off', true), set_config('enable_material', 'off', true);
