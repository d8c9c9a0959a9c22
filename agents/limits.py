"""How much an agent may use up, and what has been used."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from agents.gpu_time import Need, need_of
from agents.started import StartedRuns
from drivetrain.text import listing
from skill.tools.catalog import Tool
from skill.tools.starting import StartCall

LEAST_GPU_HOURS: Final = 0.02
"""Less is no time to train in."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one piece of work may take.

    turns: replies of the model whose calls are done; what it replies then is its report.
    tokens: read and written, all requests together.  runs: that it starts.  gpu_hours: that
    the runs take which it starts or resumes, also when it is gone; none without a GPU.
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
        if is_start or tool.name == "train_resume":
            need = need_of(tool, arguments, self._started.home)
            return None if need is None else self._beyond_gpu_hours(need)
        return None

    def _beyond_gpu_hours(self, need: Need) -> str | None:
        """Why a run does not get what it needs, None where it may.

        What runs may still take is kept for them: they go on when the agent is gone.
        """
        started, limit = self._started, self.limits.gpu_hours
        left = limit - started.gpu_hours() - started.gpu_hours_ahead(besides=need.run)
        if left < LEAST_GPU_HOURS:
            by = f"used up by or kept for {listing(started.ids)}"
            return self._refused(
                f"The limit of {limit:g} GPU-hours (`--max-gpu-hours`) is "
                f"{by if started.ids else 'too little for any run on a GPU'}."
            )
        if need.hours is not None and need.hours <= left:
            return None
        asks = "has no bound" if need.hours is None else f"may take {need.hours:.2f}"
        return (
            f"A run on a GPU is held to the GPU-hours that are left, {left:.2f} of {limit:g} "
            f"(`--max-gpu-hours`), and this one {asks}. Try `{need.within(left)}`."
        )

    def _refused(self, limit: str) -> str:
        return f"{self.reach(limit)} Start no more; report what there is."
