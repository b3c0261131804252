"""The command ``udb``: one module per group of commands, presentation apart from both.

Anything that costs time to import is imported inside the command that needs it, so that ``udb --help`` is instant.
"""

from udb_pipelines.cli.entry import main

__all__ = ["main"]
