"""What a run needs of the machine, and when it may begin: all that scheduling asks of it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from drivetrain.runs.kinds import is_sound

Priority = Literal["high", "normal", "low"]
STACKS_AFTER_S = 60.0
"""From a broken promise until a silent trainer is asked for its stacks."""
PRIORITIES: tuple[Priority, ...] = get_args(Priority)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a run is scheduled; nothing in it changes what the run learns.

    cpus: cores it keeps busy; None for its share of the machine.  gpu: None for none, `any`,
    or the number of one GPU in PCI order, of those that CUDA may show.  gpu_mb: memory it
    needs there.  after: a run that must be over first, however it ended.  auto_resumes: how
    often it goes on by itself after an end that was not its own fault.  stalled_for_s: silence
    past a broken promise after which it is ended; None for never.  max_hours: that all its
    attempts may take together, until a resume says otherwise; None for any number.  closer: a
    command that settles what outlives the run, to which the run's folder is added; empty for
    none.
    """

    cpus: int | None = 1
    gpu: str | None = None
    gpu_mb: int = 0
    priority: Priority = "normal"
    after: str | None = None
    auto_resumes: int = 0
    stalled_for_s: float | None = 600.0
    max_hours: float | None = None
    closer: tuple[str, ...] = ()

    @classmethod
    def parse(cls, facts: Mapping[str, Any]) -> "Plan":
        """The plan that these facts hold.

        Raises:
            TypeError: a fact has an unknown name.
            ValueError: a fact has an impossible value.
        """
        plan = cls(**{**facts, "closer": tuple(map(str, facts.get("closer", ())))})
        if not is_sound(plan):
            raise ValueError("a plan's value is of the wrong kind")
        return plan

    def as_facts(self) -> dict[str, Any]:
        """The same as plain data."""
        return asdict(self)
