"""Logs, traces, stage context, scrubbing."""
