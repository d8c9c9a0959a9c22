"""The same home as for other runs."""

from tests.runs.conftest import home

__all__ = ["home"]
