"""The algorithms behind one door."""
