"""Starts servers and poolers, runs pgload against them, and reports what was measured."""
