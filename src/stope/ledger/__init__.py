"""Mass accounts in integers that must close."""
