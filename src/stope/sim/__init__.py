"""The PyBullet plant and the simulated robot. The only room that imports PyBullet and knows the truth."""

import ctypes
import os
import sys


def _import_pybullet_quietly() -> None:
    """Load PyBullet without its greeting, which it prints from C to the very stdout that `--json` needs clean."""
    sys.stdout.flush()
    c_library = ctypes.CDLL(None)
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        import pybullet  # noqa: F401

        c_library.fflush(None)  # into a pipe C prints late: make it print now
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


_import_pybullet_quietly()
