"""The profiler against oracles: NumPy, SciPy, brute force, hand labels."""
