"""How to read a source: the provision and sync stages up to the commit.

Belongs here: planning (``provision``), reading every kind of source into typed Parquet (``extract``), showing its
first rows (``preview``). Finding out what a source is, and committing what was staged, do not.
"""

from udb_pipelines.connectors.extraction import extract
from udb_pipelines.connectors.preview import preview
from udb_pipelines.connectors.provisioning import provision

__all__ = ["extract", "preview", "provision"]
