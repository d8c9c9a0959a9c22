"""A run's place in the queue: what reports tell, without what moves the queue."""

from dataclasses import dataclass

from drivetrain.runs.look import Run


@dataclass(frozen=True, slots=True)
class Waiting:
    """A queued run.  position: 1 for the next.  starts_in_s: None where nobody can tell."""

    run: Run
    position: int
    waits_for: str
    starts_in_s: float | None
