"""ADPlanning-v0: a batched closed-loop driving simulator."""
