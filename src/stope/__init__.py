"""Stope: plan, anchor, drill and collect on small bodies, in simulation and on hardware."""

__version__ = "0.1.0"
