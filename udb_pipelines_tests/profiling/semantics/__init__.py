"""Tests of semantic types and masking."""
