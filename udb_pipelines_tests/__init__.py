"""Tests; the layout mirrors ``udb_pipelines``."""
