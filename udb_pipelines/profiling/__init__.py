"""The analyze stage: from a dataset version to a :class:`~udb_pipelines.models.Profile`.

Belongs here: types, statistics, findings, key candidates, the verdict. Does not: how rows got into the warehouse,
and how a profile is shown.

Each column is scanned once, into its distinct values with their counts (``session``); everything else reads
those. ``storage`` knows the native types, ``expressions`` the SQL that says what a text looks like, ``decide``
makes a type of it; ``numeric``, ``dates`` and ``text`` hold the statistics of a type; ``findings`` turns what is
wrong into findings with a first row, ``semantics`` says what values stand for and masks personal ones; ``keys``,
``dependencies``, ``pairs``, ``sufficiency`` and ``verdict`` look at the table as a whole, ``drift`` at two of them.
"""

from udb_pipelines.profiling.analyze import analyze
from udb_pipelines.profiling.drift import compare
from udb_pipelines.profiling.notebook import profile
from udb_pipelines.profiling.table import Origin, profile_table

__all__ = ["Origin", "analyze", "compare", "profile", "profile_table"]
