"""The control database: what UDB must remember and Dagster does not. Tenants, their sources, and legal holds.

SQLite in ``UDB_HOME`` by default, PostgreSQL by ``UDB_CONTROL_URL``; the schema is kept by Alembic.
"""
