"""UDB, the Universal Data Box: any source in, trusted data out.

Arrows between packages point down: ``orchestration`` and ``cli`` use the stages (``detection``,
``connectors``, ``profiling``, ``publishing``), the stages use ``warehouse`` and ``operations``,
and everything uses ``models``, ``errors`` and ``config``. Only ``orchestration`` imports Dagster.
"""

__version__ = "0.1.0"
