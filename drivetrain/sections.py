"""In which section of a request the settings stand that an algorithm learns by."""

LEARNS_AS = {"GAIL": "ppo", "HYBRID": "ppo"}
"""Those that learn by another algorithm's; the others have a section of their own name."""


BY_MODE = {"cimrl": "cimrl"}
"""Modes that learn in a way of their own."""


def section_of(algorithm: str, mode: object = None) -> str:
    """`ppo` for PPO, and for whatever learns by it.  mode: of the request, where it has one."""
    own = BY_MODE.get(str(mode)) or LEARNS_AS.get(algorithm)
    return own or algorithm.lower()
