"""How much an agent may use up, and what has been used."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agents.started import StartedRuns
from drivetrain.text import listing
from skill.tools.catalog import Tool
from skill.tools.starting import StartCall


@dataclass(frozen=True, slots=True)
class Limits:
    """What one piece of work may take.

    turns: replies of the model whose calls are done; what it replies then is its report.
    tokens: read and written, all requests together.  runs: that it starts.  gpu_hours: of the
    runs that it starts or resumes; a run without a GPU uses none.
    """

    turns: int = 40
    tokens: int = 1_000_000
    runs: int = 5
    gpu_hours: float = 24.0


class Budget:
    """The limits, and what is left of them.  reached: those that stopped something."""

    def __init__(self, limits: Limits, started: StartedRuns) -> None:
        self.limits = limits
        self.turns = 0
        self.tokens = 0
        self.reached: list[str] = []
        self._started = started

    def count_reply(self, tokens: int) -> None:
        """One more reply, whose request and answer had so many tokens."""
        self.turns += 1
        self.tokens += tokens

    @property
    def is_out_of_turns(self) -> bool:
        """Whether the calls of this reply are not done any more."""
        return self.turns > self.limits.turns

    @property
    def is_out_of_tokens(self) -> bool:
        """Whether there is nothing left for more than a report."""
        return self.tokens >= self.limits.tokens

    def reach(self, limit: str) -> str:
        """Remember that a limit stopped something; the same sentence again counts once."""
        if limit not in self.reached:
            self.reached.append(limit)
        return limit

    def refusal(self, tool: Tool, arguments: Mapping[str, Any]) -> str | None:
        """Why this call is not done, None where it may be."""
        is_start = issubclass(tool.contract, StartCall) and not arguments.get("dry_run")
        if is_start and len(self._started.created) >= self.limits.runs:
            return self._refused(
                f"The limit of {self.limits.runs} runs (`--max-runs`) is reached; started were "
                f"{listing(self._started.created)}."
            )
        if (is_start or tool.name == "train_resume") and self._is_out_of_gpu_hours():
            return self._refused(
                f"The limit of {self.limits.gpu_hours:g} GPU-hours (`--max-gpu-hours`) is "
                f"reached by {listing(self._started.ids)}."
            )
        return None

    def _is_out_of_gpu_hours(self) -> bool:
        return self._started.gpu_hours() >= self.limits.gpu_hours and bool(self._started.ids)

    def _refused(self, limit: str) -> str:
        return f"{self.reach(limit)} Start no more; report what there is."
