"""Discovery decided: which links, switches and hosts there are."""
