"""CIMRL's policy over proposals: a re-implementation from the description in arXiv 2406.08878.

An imitated prior rates fifteen proposals; a task policy learns which pays, twin critics learn
which is risky, and only what they take for safe is driven.
"""
