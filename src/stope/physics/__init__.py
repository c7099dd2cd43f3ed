"""Published models as pure functions (SI, NumPy): no simulator, no robot, no I/O.

One module or package per subject; each says what it offers in its own `__all__`, and names its sources and its range of
validity. Scalars and arrays that broadcast are both welcome; what no model covers raises ValueError. `physics/` is
used twice with different numbers: by `sim/` with the true parameters, by `belief/`, `control/` and `planning/` with
believed ones.

    from stope.physics import anchoring, drilling, gravity
    gravity.Polyhedron.from_obj("bennu.obj", 1190.0).acceleration([300.0, 0.0, 0.0])
    anchoring.bundle_strength_uniform(256, 0.0, 2.0).mean_n
    drilling.specific_energy(100.0, drilling.annulus_area_m2(0.0254), 2.0, 1.0, 1 / 3600)

Subjects are imported when they are first named: the compiled ones take a second that not everybody needs.
"""

from __future__ import annotations

import importlib
from types import ModuleType

__all__ = [
    "anchoring",
    "boulders",
    "cohesion",
    "constants",
    "drilling",
    "ejecta",
    "environment",
    "excavation",
    "flight",
    "frames",
    "granular",
    "gravity",
    "normal",
    "restitution",
    "sampling",
    "site_field",
    "techniques",
]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
