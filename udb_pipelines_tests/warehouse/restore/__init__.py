"""Tests of getting the warehouse back."""
