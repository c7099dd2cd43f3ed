"""Published models as pure functions (SI, NumPy): no simulator, no robot, no I/O.

One module per subject; each names its sources and its range of validity. `physics/` is used twice with different
numbers: by `sim/` with the true parameters, by `belief/`, `control/` and `planning/` with believed ones.
"""

__all__ = ["anchoring", "drilling", "ejecta", "excavation", "frames", "gravity", "normal", "site_field"]
