"""How often decisions violate, with the recovery and without it."""

from trainers.cimrl.deciding import Decisions


class Violations:
    """Counts since the last look."""

    def __init__(self) -> None:
        self._counts = [0, 0, 0, 0]

    def count(self, done: Decisions) -> None:
        """Add decisions that came to their end."""
        both = done.violated & done.is_recovery
        for at, flags in enumerate((~done.is_recovery, done.is_recovery, done.violated, both)):
            self._counts[at] += int(flags.sum())

    def told(self) -> dict[str, float]:
        """Shares since this was last asked; what cannot be told is left out."""
        (usual, recoveries, violations, recovered), self._counts = self._counts, [0, 0, 0, 0]
        told: dict[str, float] = {}
        if usual + recoveries:
            told["recovery_rate"] = recoveries / (usual + recoveries)
        if recoveries:
            told["violations_with_recovery"] = recovered / recoveries
        if usual:
            told["violations_without_recovery"] = (violations - recovered) / usual
        return told
