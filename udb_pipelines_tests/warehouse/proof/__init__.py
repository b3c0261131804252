"""The proof that the warehouse loses nothing: one soak for CI and for long runs, faults, and crowds of processes."""
