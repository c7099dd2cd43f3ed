"""Campaigns: one scenario with many seeds, on this machine or on many, and a verdict over all of them."""
