-- Which version of the rules the stored figures are of.
SELECT engine FROM config WHERE config_id = 1;
