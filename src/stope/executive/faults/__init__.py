"""The fault table: one row per fault, from which detection, response, docs and tests follow."""
