"""Scenario sets: generated, converted, written, verified, read."""
