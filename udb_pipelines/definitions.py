"""What Dagster loads; nothing else: ``dagster dev -m udb_pipelines.definitions``."""

from udb_pipelines.orchestration.build import build_defs

defs = build_defs()
