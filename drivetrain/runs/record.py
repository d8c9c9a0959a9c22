"""What a run is right now: one state, with exactly its own facts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, assert_never, cast, get_args

from drivetrain.runs.atomic import read_json
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.hours import more_hours
from drivetrain.sections import section_of
from drivetrain.text import typed

By = Literal["start", "user", "auto"]
"""What makes an attempt: the start of the run, somebody's resume, or the run by itself."""
How = Literal["succeeded", "stopped", "failed", "interrupted", "lost"]
Reason = Literal[
    "completed",
    "user_stop",
    "time_limit",
    "nan",
    "unlearning",
    "gpu_oom",
    "gpu_error",
    "host_oom",
    "env_worker_died",
    "disk_full",
    "stalled",
    "crashed",
    "killed",
    "error",
    "config",
    "data",
    "reboot",
    "preempted",
    "node_failed",
    "supervisor_died",
    "engine_forgot",
]
HOWS: tuple[How, ...] = get_args(How)
REASONS: dict[Reason, str] = {
    "completed": "training reached its last step",
    "user_stop": "somebody asked it to stop",
    "time_limit": "the time it was given is over",
    "nan": "a loss, a parameter or an input became NaN or infinite",
    "unlearning": "it came to drive surely worse than what it started from",
    "gpu_oom": "the GPU's memory was not enough",
    "gpu_error": "the GPU or its driver failed",
    "host_oom": "the machine's memory was not enough",
    "env_worker_died": "a process that simulates worlds died",
    "disk_full": "the disk is full",
    "stalled": "training hung and was ended",
    "crashed": "the trainer crashed in native code",
    "killed": "somebody else killed the trainer",
    "error": "training met an error that it does not know",
    "config": "the config asks for something impossible",
    "data": "the data is missing or damaged",
    "reboot": "the machine was restarted",
    "preempted": "the machine asked for its place back",
    "node_failed": "the machine it ran on failed",
    "supervisor_died": "the process that watched over it was killed",
    "engine_forgot": "the engine that ran it knows it no more",
}
"""Why runs end, and how a person would say it."""
AUTO_RESUMED: frozenset[Reason] = frozenset(
    {"reboot", "preempted", "node_failed", "supervisor_died", "stalled", "env_worker_died"}
)
"""Ends that are no fault of the run's own: it may go on by itself."""


@dataclass(frozen=True, slots=True)
class Queued:
    """Waiting for its first attempt, or for its next.

    since: wall clock, s.  attempt: the number it will have.  by: what asked for it.
    """

    since: float
    attempt: int = 1
    by: By = "start"


@dataclass(frozen=True, slots=True)
class Starting:
    """An attempt was launched and has not reported yet."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Running:
    """Training, and heard of in time."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Stalled:
    """Alive, but silent past the moment it promised to check in.  overdue_s: since then."""

    attempt: int
    overdue_s: float


@dataclass(frozen=True, slots=True)
class Stopping:
    """On its way out: asked to stop, without its supervisor, or dead and not yet on record."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Ended:
    """Over: an attempt ends once, and the run with it unless another follows.

    unit: step of the newest whole saved state, None where nothing was saved.  step: where
    training stood.  at: wall clock, s, where it is known.  attempt: the one that ended.
    """

    how: How
    reason: Reason
    detail: str
    unit: int | None
    step: int | None
    next_action: str
    at: float | None = None
    attempt: int = 1

    @property
    def resumable(self) -> bool:
        """Whether there is a saved state to go on from."""
        return self.unit is not None

    @property
    def exit_code(self) -> int:
        """What `wait` exits with."""
        match self.how:
            case "succeeded":
                return 0
            case "stopped" | "interrupted":
                return 75
            case "lost":
                return 75 if self.resumable else 5
            case "failed":
                return {"config": 2, "data": 3}.get(self.reason, 5)
            case _:
                assert_never(self.how)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How an attempt ended, as an exit record or an outcome tells it."""

    how: How
    reason: Reason
    detail: str = ""
    step: int | None = None

    @classmethod
    def parse(cls, facts: Mapping[str, Any]) -> "Verdict | None":
        """The verdict among these facts, or None where they hold no known one."""
        how, reason, step = facts.get("how"), facts.get("reason"), facts.get("step")
        # A damaged record may hold anything, also what no mapping can look up.
        if how not in HOWS or reason not in tuple(REASONS):
            return None
        return cls(
            how=cast(How, how),
            reason=cast(Reason, reason),
            detail=str(facts.get("detail") or ""),
            step=step if isinstance(step, int) else None,
        )

    def ended(self, run: RunFolder, algorithm: str, ending: "Ending") -> Ended:
        """The state that this verdict leaves the run in."""
        return Ended(
            how=self.how,
            reason=self.reason,
            detail=self.detail,
            unit=ending.unit,
            step=self.step,
            next_action=next_action(self, run, algorithm, ending.unit),
            at=ending.at,
            attempt=ending.attempt,
        )


@dataclass(frozen=True, slots=True)
class Ending:
    """Which attempt ended, when, and what it left.  As in `Ended`."""

    attempt: int
    at: float | None
    unit: int | None


Record = Queued | Starting | Running | Stalled | Stopping | Ended


def is_active(state: Record) -> bool:
    """Whether a state may still change by itself."""
    return not isinstance(state, Ended)


def next_action(verdict: Verdict, run: RunFolder, algorithm: str, unit: int | None) -> str:
    """What to do after a run ended that way: a remedy where one is needed, and a command."""
    remedy = REMEDIES.get(verdict.reason)
    if remedy is None:
        # It would fail again: it saved nothing, or what it was asked for cannot be done.
        is_hopeless = verdict.how == "failed" and (
            unit is None or verdict.reason in ("config", "data")
        )
        remedy = "`/train logs {run}`" if is_hopeless else "`/train resume {run}`"
    if "{hours}" in remedy:
        return remedy.format(run=run.id, hours=more_hours(run))
    if "{anew}" not in remedy:
        return remedy.format(run=run.id)
    request = (read_json(run.request) or {}).get("request")
    name = section_of(algorithm, request.get("mode") if isinstance(request, dict) else None)
    return remedy.format(
        algorithm=name,
        anew=anew(run, algorithm),
        worlds=max(1, int(_asked(run, "environment", "num_envs", 8) / 2)),
        batch=max(2, int(_asked(run, name, "batch_size", 1024) / 2)),
        rate=f"{_asked(run, name, 'learning_rate', 1e-3) / 10:.1g}",
    )


def _asked(run: RunFolder, section: str, name: str, usual: float) -> float:
    """A number of the run's request, or the usual one where its file does not tell."""
    request = (read_json(run.request) or {}).get("request")
    settings = request.get(section) if isinstance(request, dict) else None
    asked = settings.get(name) if isinstance(settings, dict) else None
    return asked if isinstance(asked, int | float) else usual


_FEWER_WORLDS = "{anew} --set environment.num_envs={worlds}"
REMEDIES: dict[Reason, str] = {
    "completed": "`/train eval {run}`",
    "time_limit": "`/train resume {run} --max-hours {hours}`",
    "nan": "a smaller step: `{anew} --set {algorithm}.learning_rate={rate}`",
    "unlearning": "a smaller step: `{anew} --set {algorithm}.learning_rate={rate}`",
    "gpu_oom": "fewer worlds and smaller batches: "
    f"`{_FEWER_WORLDS} --set {{algorithm}}.batch_size={{batch}}`",
    "host_oom": f"fewer worlds: `{_FEWER_WORLDS}`",
    "gpu_error": "`/train doctor`, then `/train resume {run}`",
    "disk_full": "free some disk space, then `/train resume {run}`",
}


def anew(run: RunFolder, algorithm: str) -> str:
    """The command of a new run of the same config, from the best that this one learned."""
    again = f"/train {algorithm.lower()} --config {typed(str(run.config))}"
    known = (run.best_checkpoint, run.last_checkpoint)
    best = next((checkpoint for checkpoint in known if checkpoint.is_file()), None)
    return again if best is None else f"{again} --init-from {typed(str(best))}"
