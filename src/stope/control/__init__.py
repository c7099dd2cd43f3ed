"""Anchoring, drilling, collecting, posture; wrench distribution; estimators. Never sees the truth."""
