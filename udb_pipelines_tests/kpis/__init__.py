"""Tests of KPIs and views."""
