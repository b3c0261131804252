"""Delimited text: CSV and its relatives, in any encoding, never silently wrong.

``text`` brings a file to plain UTF-8, ``scan`` counts and checks it without a parser, ``fast`` lets DuckDB read what
the scan has found regular, ``careful`` reads the rest record by record, ``reader`` puts them together.
"""
