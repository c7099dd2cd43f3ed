"""Which site, what order, when; replans; says why there is no plan."""
