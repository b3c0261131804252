"""Tests of what jobs publish."""
