"""Tests of the places where snapshots go."""
