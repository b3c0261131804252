"""Tests of what wraps the code: Makefile, CI, container files, chart, lock files."""
