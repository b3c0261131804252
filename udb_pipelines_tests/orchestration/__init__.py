"""Tests of the Dagster side: assets, IO managers, checks, sensors, runner, and real daemons."""
