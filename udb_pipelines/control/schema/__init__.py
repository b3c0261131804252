"""The published JSON Schema of ``sources.yaml``."""
