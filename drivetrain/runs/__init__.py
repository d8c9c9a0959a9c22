"""Background runs: reserved, launched, supervised, recorded, read."""
