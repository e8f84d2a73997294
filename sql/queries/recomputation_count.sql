-- How many orders there are to judge: for people who wait.
UPDATE recomputation SET orders = (SELECT count(*) FROM work_order o JOIN recomputation_position p USING (provider_id)
                                   WHERE p.recomputation_id = $1::int8)
WHERE recomputation_id = $1::int8 AND status = 1;
