"""Behaviour trees: one per task, recovery, and the fault table."""
