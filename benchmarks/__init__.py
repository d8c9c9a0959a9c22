"""Speed, measured side by side; each module prints one JSON line with `--json`."""
