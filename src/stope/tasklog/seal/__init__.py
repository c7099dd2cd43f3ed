"""Seals: who vouches for what in a log, checked without trusting the one who hands it over."""
