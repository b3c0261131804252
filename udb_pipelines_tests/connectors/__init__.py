"""Reading sources: real files and servers in, typed Parquet and rejects out."""
