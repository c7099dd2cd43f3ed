"""Published models as pure functions (SI, NumPy): no simulator, no robot, no I/O."""
