"""Tests of signing in at a provider."""
