"""How the learner's threads wait for each other."""

import os

SPIN_COUNT = "2000"
"""How long an idle OpenMP thread spins before it sleeps; torch's runtime reads it as it loads.

Measured on two cores, PPO with two threads: the runtime's own default (300 thousand and more)
is about a tenth quicker on an idle machine and fifty times slower beside one busy process;
sleeping at once is a third slower on an idle machine."""


def calm_openmp() -> None:
    """Keep idle threads off the cores that others need. Call before torch is imported."""
    os.environ.setdefault("GOMP_SPINCOUNT", SPIN_COUNT)
