"""Which runs an agent started or let go on, and the GPU time that they took."""

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drivetrain.clock import SYSTEM, Clock
from drivetrain.runs.atomic import read_json
from drivetrain.runs.folder import AttemptFolder, RunFolder, is_run_id, runs_folder
from drivetrain.runs.hours import HOUR_S, attempt_s, left_s
from drivetrain.runs.look import look_at, read_request
from drivetrain.runs.record import Ended, is_active
from skill.facts import state_word
from skill.tools.catalog import Tool
from skill.tools.reply import Reply
from skill.tools.starting import StartCall


@dataclass(frozen=True, slots=True)
class Before:
    """How things were before a call.  attempts: that the run to resume had."""

    runs: frozenset[str]
    attempts: int


@dataclass
class StartedRuns:
    """The runs of one agent.  created: that it started.  ids: and those that it resumed."""

    home: Path
    clock: Clock = SYSTEM
    created: list[str] = field(default_factory=list)
    _first: dict[str, int] = field(default_factory=dict)
    """By run: the first attempt that was this agent's doing."""

    @property
    def ids(self) -> tuple[str, ...]:
        """Every run that goes, or went, because of this agent."""
        return tuple(self._first)

    def look(self, arguments: Mapping[str, Any]) -> Before:
        """How things are before a call, to be handed to `note` after it."""
        folder = runs_folder(self.home)
        names = frozenset(path.name for path in folder.iterdir()) if folder.is_dir() else ()
        return Before(frozenset(names), self._attempts(str(arguments.get("run"))))

    def note(self, tool: Tool, before: Before, reply: Reply) -> None:
        """Remember what a call that was done started, if it did."""
        for run in reply.run_ids:
            if issubclass(tool.contract, StartCall) and run not in before.runs:
                self.created.append(run)
                self._first.setdefault(run, 1)
            elif tool.name == "train_resume":
                self._first.setdefault(run, before.attempts + 1)

    def gpu_hours(self) -> float:
        """Time of all attempts so far, each times the GPUs that it has: none or one."""
        return sum(itertools.starmap(self._gpu_seconds, self._first.items())) / HOUR_S

    def gpu_hours_ahead(self, besides: str | None = None) -> float:
        """What the runs that are not over may still take.  besides: a run that is left out."""
        return sum(self._seconds_ahead(run) for run in self._first if run != besides) / HOUR_S

    def states(self) -> Iterator[tuple[str, str]]:
        """Each run and how it stands, in a word."""
        for name in self._first:
            run = look_at(RunFolder(self.home, name))
            yield name, "unknown" if run is None else state_word(run.state)

    def _attempts(self, run_id: str) -> int:
        last = RunFolder(self.home, run_id).last_attempt() if is_run_id(run_id) else None
        return 0 if last is None else last.number

    def _gpu_seconds(self, run_id: str, first: int) -> float:
        folder = RunFolder(self.home, run_id)
        numbers = range(first, self._attempts(run_id) + 1)
        return sum(self._seconds(folder, folder.attempt(number)) for number in numbers)

    def _seconds_ahead(self, run_id: str) -> float:
        folder = RunFolder(self.home, run_id)
        asked, run = read_request(folder), look_at(folder)
        if asked is None or asked.plan.gpu is None or run is None or not is_active(run.state):
            return 0.0
        left = left_s(folder)
        return math.inf if left is None else left

    def _seconds(self, folder: RunFolder, attempt: AttemptFolder) -> float:
        """How long an attempt took, or takes by now; 0 without a GPU."""
        lease = (read_json(attempt.launch) or {}).get("lease")
        if not isinstance(lease, dict) or lease.get("gpu") is None:
            return 0.0
        return attempt_s(attempt, self._until(folder))

    def _until(self, folder: RunFolder) -> float:
        """To when an attempt counts whose end is not on record, wall clock, s."""
        run = look_at(folder)
        is_over = run is not None and isinstance(run.state, Ended)
        told = run.state.at if run is not None and isinstance(run.state, Ended) else None
        return told if is_over and told is not None else self.clock.wall()
