"""The control database: what UDB must remember and Dagster does not. For now the registered sources.

SQLite in ``UDB_HOME`` by default, PostgreSQL by ``UDB_CONTROL_URL``; the schema is kept by Alembic.
"""
