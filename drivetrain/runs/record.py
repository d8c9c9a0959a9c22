"""What a run is right now: one state, with exactly its own facts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, assert_never, cast, get_args

from drivetrain.runs.folder import RunFolder

How = Literal["succeeded", "stopped", "failed", "interrupted", "lost"]
Reason = Literal[
    "completed",
    "user_stop",
    "time_limit",
    "nan",
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
REASONS: tuple[Reason, ...] = get_args(Reason)


@dataclass(frozen=True, slots=True)
class Queued:
    """Waiting to be started.  since: wall clock, s."""

    since: float


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
    """Saving on its way out: asked to stop, or left without its supervisor."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Ended:
    """Over, for good: an attempt ends once.  at: wall clock, s, where it is known."""

    how: How
    reason: Reason
    detail: str
    resumable: bool
    step: int | None
    next_action: str
    at: float | None = None

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
    """How an attempt ended, as an exit record or an outcome tells it.

    resumable: None where nobody looked for a checkpoint yet.
    """

    how: How
    reason: Reason
    detail: str = ""
    step: int | None = None
    resumable: bool | None = None

    @classmethod
    def parse(cls, facts: Mapping[str, Any]) -> "Verdict | None":
        """The verdict among these facts, or None where they hold no known one."""
        how, reason, step = facts.get("how"), facts.get("reason"), facts.get("step")
        if how not in HOWS or reason not in REASONS:
            return None
        return cls(
            how=cast(How, how),
            reason=cast(Reason, reason),
            detail=str(facts.get("detail", "")),
            step=step if isinstance(step, int) else None,
            resumable=facts.get("resumable"),
        )

    def ended(self, folder: RunFolder, algorithm: str, at: float | None) -> Ended:
        """The state that this verdict leaves the run in."""
        resumable = self.resumable
        if resumable is None:
            resumable = folder.last_checkpoint.is_file()
        return Ended(
            how=self.how,
            reason=self.reason,
            detail=self.detail,
            resumable=resumable,
            step=self.step,
            next_action=next_action(self.reason, folder, algorithm, resumable=resumable),
            at=at,
        )


Record = Queued | Starting | Running | Stalled | Stopping | Ended


def is_active(state: Record) -> bool:
    """Whether a state may still change by itself."""
    return not isinstance(state, Ended)


def next_action(reason: Reason, folder: RunFolder, algorithm: str, *, resumable: bool) -> str:
    """What to do after a run ended that way: a remedy where one is needed, and a command."""
    if reason == "completed":
        return f"`/train eval {folder.id}`"
    again = f"/train {algorithm.lower()} --config {folder.config}"
    if resumable:
        again += f" --init-from {folder.last_checkpoint}"
    if reason in REMEDIES:
        return REMEDIES[reason].format(algorithm=algorithm.lower(), again=again)
    return f"`{again}`" if resumable else f"`/train logs {folder.id}`"


_FEWER_WORLDS = "fewer worlds: `{again} --set environment.num_envs=64`"
REMEDIES: dict[Reason, str] = {
    "nan": "a smaller step: `{again} --set {algorithm}.learning_rate=1e-4`",
    "gpu_oom": _FEWER_WORLDS,
    "host_oom": _FEWER_WORLDS,
    "disk_full": "free some disk space, then `{again}`",
}
