"""Mass accounts and agreements: who has how much of what, in whole micrograms."""
