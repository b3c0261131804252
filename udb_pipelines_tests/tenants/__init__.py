"""Tenants, and every way across that somebody may try."""
