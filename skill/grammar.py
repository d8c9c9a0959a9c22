"""Every command there is, and how a verb describes itself. Loads nothing heavy."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from drivetrain.options import Given, Option
from trainers.asked import Asked

Checkpoint = Literal["best", "last"]
BASELINES = ("log", "pdm", "idm", "constant_velocity", "random")
"""Drivers that need no run: what `eval` and `replay` take in place of a run id."""
EVERY_BASELINE = "baselines"
"""What `eval` takes for all of them."""
TRAFFIC = ("idm", "replay", "mixed")
"""How the others can drive where somebody is judged."""
BASELINE_NAMES = f"`{'`, `'.join(BASELINES[:-1])}` or `{BASELINES[-1]}`"
HOST_NAMES = ("claude", "codex", "gemini", "copilot", "cursor", "opencode")
"""Hosts of agents that can be shown the skill; see `skill/hosts.py`."""


@dataclass(frozen=True, slots=True)
class Start:
    """Start a run."""

    asked: Asked
    dry_run: bool
    as_json: bool


@dataclass(frozen=True, slots=True)
class Status:
    """Show all runs, or one."""

    run: str | None
    as_json: bool


@dataclass(frozen=True, slots=True)
class Logs:
    """Show what a run printed.  tail: lines, before `skip` newer ones that are left out."""

    run: str
    tail: int
    skip: int
    grep: str | None
    follow: bool
    as_json: bool


@dataclass(frozen=True, slots=True)
class Stop:
    """Ask a run to save and end."""

    run: str
    grace_s: float | None
    force: bool
    as_json: bool


@dataclass(frozen=True, slots=True)
class Resume:
    """Let an ended run go on.  total_steps, max_hours: in all, None for what it has."""

    run: str
    total_steps: int | None
    as_json: bool
    max_hours: float | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait until a run ends."""

    run: str
    timeout_s: float | None
    as_json: bool


@dataclass(frozen=True, slots=True)
class Watch:
    """Tell what becomes of runs.  run: None for all.  chat: whose monitor asks, if one does."""

    run: str | None
    pause_s: float
    chat: str | None
    is_test: bool
    as_json: bool


@dataclass(frozen=True, slots=True)
class Eval:
    """Drive every scenario with a run's policy, or with a baseline."""

    driver: str
    data: str | None
    scenarios: int | None
    checkpoint: Checkpoint
    as_json: bool


@dataclass(frozen=True, slots=True)
class Replay:
    """Draw how a run's policy, or a baseline, drives.

    scenarios: their ids; empty for the worst, of which there are `worst`.
    """

    driver: str
    scenarios: tuple[str, ...]
    worst: int
    data: str | None
    out: str | None
    as_json: bool


@dataclass(frozen=True, slots=True)
class Compare:
    """Judge drivers on the same scenarios.  names: of runs and baselines, as typed."""

    names: tuple[str, ...]
    baselines: tuple[str, ...]
    data: str | None
    traffic: str | None
    as_json: bool


@dataclass(frozen=True, slots=True)
class Diagnose:
    """Say what is wrong with a run's learning."""

    run: str
    as_json: bool


@dataclass(frozen=True, slots=True)
class DataConvert:
    """Make a scenario set of recorded files.

    maps: folder of the maps, where they lie apart.  types: empty for all.
    per_type: at most so many from one file.  workers: processes, None for one per core.
    """

    format: str
    sources: tuple[str, ...]
    out: str
    as_json: bool
    maps: str | None = None
    types: tuple[str, ...] = ()
    per_type: int | None = None
    workers: int | None = None


@dataclass(frozen=True, slots=True)
class DataJoin:
    """Make one scenario set of several."""

    folders: tuple[str, ...]
    out: str
    as_json: bool


@dataclass(frozen=True, slots=True)
class DataInfo:
    """Describe a scenario set.  sheet: a PNG file to draw scenes into."""

    folder: str
    as_json: bool
    sheet: str | None = None


@dataclass(frozen=True, slots=True)
class DataGenerate:
    """Make a scenario set of generated traffic."""

    out: str
    count: int | None
    seed: int | None
    as_json: bool


@dataclass(frozen=True, slots=True)
class DataDemos:
    """Let a driver drive a scenario set, for others to learn from.

    scenarios: folder of the set, None for the built-in one.  most: scenarios to drive.
    noise: how hard the driver is pushed, 0 to 1.
    """

    driver: str
    out: str
    as_json: bool
    scenarios: str | None = None
    most: int | None = None
    noise: float | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Doctor:
    """Examine the machine and the home.  fix: repair what loses nothing by it."""

    fix: bool
    as_json: bool


@dataclass(frozen=True, slots=True)
class Export:
    """Write a run's policy as a file that other programs drive with."""

    run: str
    out: str | None
    checkpoint: Checkpoint
    as_json: bool


@dataclass(frozen=True, slots=True)
class Install:
    """Show the skill to a host of agents, or take it away.  agent: one of `HOST_NAMES`."""

    agent: str
    in_project: bool
    remove: bool
    as_json: bool


@dataclass(frozen=True, slots=True)
class Mcp:
    """Serve agent hosts until they leave.  role: whose tools alone, None for all."""

    role: str | None
    as_json: bool = False


@dataclass(frozen=True, slots=True)
class Help:
    """Explain all verbs, or one."""

    topic: str | None
    as_json: bool


Command = (
    Start
    | Status
    | Logs
    | Stop
    | Resume
    | Wait
    | Watch
    | Eval
    | Replay
    | Export
    | Compare
    | Diagnose
    | DataConvert
    | DataJoin
    | DataInfo
    | DataGenerate
    | DataDemos
    | Doctor
    | Install
    | Mcp
    | Help
)


@dataclass(frozen=True, slots=True)
class Verb:
    """How one verb is written, what it does, and how its words become a command."""

    name: str
    arguments: str
    summary: str
    example: str
    options: tuple[Option, ...]
    build: Callable[[Given], Command]

    @property
    def short_usage(self) -> str:
        """The verb and its arguments: `/train logs RUN [options]`."""
        # Every verb takes `--json`; saying so once is enough.
        has_options = any(option is not JSON for option in self.options)
        words = ["/train", self.name, self.arguments, "[options]" if has_options else ""]
        return " ".join(word for word in words if word)

    @property
    def usage(self) -> str:
        """The verb as one types it: `/train logs RUN [--tail N] …`."""
        words = ["/train", self.name, self.arguments, *map(option_usage, self.options)]
        return " ".join(word for word in words if word)


JSON: Final = Option("--json", "Print JSON for machines instead of Markdown.")


def option_usage(option: Option) -> str:
    """The option as help shows it: `[--tail N]`, `[--set PATH=VALUE]…`."""
    text = f"{option.flag} {option.value}" if option.value else option.flag
    return f"[{text}]…" if option.repeats else f"[{text}]"
