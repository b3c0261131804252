"""KPIs and views of a project: named questions to the warehouse, asked after every sync that could change the answer.

``kpis.yaml`` names them (``definitions``, read with line numbers by ``document``). A view is SQL with a name: it is
put in place of the name when a question is asked, at the version that is asked, so it travels in time with the
tables. ``compute`` asks, reading only, and masks what is personal; ``history`` keeps one value per version; ``after``
does both at the end of a job; ``charts`` draws. Does not belong here: what a column is, and how a report is laid out.
"""

from udb_pipelines.kpis.after import after_sync
from udb_pipelines.kpis.compute import compute
from udb_pipelines.kpis.definitions import Kpi, KpiResult, KpiSet, Project
from udb_pipelines.kpis.document import load, project_file

__all__ = ["Kpi", "KpiResult", "KpiSet", "Project", "after_sync", "compute", "load", "project_file"]
