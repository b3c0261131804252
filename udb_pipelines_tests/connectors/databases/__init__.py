"""Tests of the database connectors."""
