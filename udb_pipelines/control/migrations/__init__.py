"""Alembic's environment and revisions. Run by :mod:`udb_pipelines.control.database`, not from a shell."""
