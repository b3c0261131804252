"""The published JSON Schema of ``kpis.yaml``."""
