"""Logs handed from team to team: a content-addressed store with numbered, immutable commits."""
