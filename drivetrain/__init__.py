"""The machinery: runs, the simulator, the data."""
