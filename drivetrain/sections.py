"""In which section of a request the settings stand that an algorithm learns by."""

LEARNS_AS = {"HYBRID": "ppo"}
"""Those that learn by another algorithm's; the others have a section of their own name."""


def section_of(algorithm: str) -> str:
    """`ppo` for PPO, and for whatever learns by it."""
    return LEARNS_AS.get(algorithm, algorithm.lower())
