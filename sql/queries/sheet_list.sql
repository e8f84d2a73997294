SELECT provider_id, scheme_id, sheet FROM sheet_in_force;
