"""The control database and the register of sources."""
