"""Tables of databases into typed Parquet, exactly: SQLite and DuckDB files, PostgreSQL, MySQL and ODBC servers."""
