"""The PyBullet plant and the simulated robot. The only room that imports PyBullet and knows the truth."""

import os
import sys


def _import_pybullet_quietly() -> None:
    """Load PyBullet without its greeting, which it prints from C to the stderr that is kept for people's errors."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        import pybullet  # noqa: F401
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


_import_pybullet_quietly()
