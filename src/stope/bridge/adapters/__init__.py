"""Robots with another controller than our firmware: each module is one adapter, found by entry point `stope.robots`."""
