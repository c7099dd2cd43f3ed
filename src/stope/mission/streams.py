"""Named random streams: one seed per run, one independent stream per use.

Two sensors that share a stream have identical noise (Basilisk issue 411); a stream taken by position changes all
others when one is added. Names avoid both.
"""

from __future__ import annotations

import hashlib

import numpy as np


def random_stream(seed: int, name: str) -> np.random.Generator:
    """The generator of stream `name` of a run with `seed`; equal arguments give equal streams on every machine."""
    words = np.frombuffer(hashlib.sha256(name.encode()).digest(), dtype="<u4")
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=tuple(int(w) for w in words)))
