"""The words behind `python -m agents` → what is to be done; and the help."""

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from typing_extensions import override

from agents.limits import Limits
from agents.settings import DEFAULT_MODEL, MODEL_VARIABLE
from drivetrain.errors import RequestError
from drivetrain.text import nearest, quote, whole
from skill.tools.roles import ROLES

HELP_COMMAND = "python -m agents --help"
EXAMPLE = 'python -m agents model-trainer "How is training going?"'
DESCRIPTION = """\
Let an agent work on a task with the /train tools, and show what it says and calls.

  model-trainer           starts, watches, diagnoses, stops and resumes runs
  ad-experiment-manager   compares, evaluates and proposes; never touches a run
"""
EPILOG = f"""\
The key is read from ANTHROPIC_API_KEY, another endpoint from ANTHROPIC_BASE_URL.
Its work is written to agents/ in the folder for runs (DRIVETRAIN_HOME, else ./experiments),
and what the manager compared to notebook.md there. Runs go on when the agent has ended.

exit codes: 0 done, 2 bad command, key or model, 75 stopped by a limit, by repeating itself or
because the model could not be reached: what was started is named, and the same may go on;
130 interrupted. The model is --model, else {MODEL_VARIABLE}, else {DEFAULT_MODEL}.
"""


@dataclass(frozen=True, slots=True)
class Command:
    """A task for an agent.  agrees: the person says yes to what would be asked."""

    role: str
    task: str
    model: str | None
    limits: Limits
    agrees: bool
    as_json: bool


class _Parser(argparse.ArgumentParser):
    @override
    def error(self, message: str) -> NoReturn:
        raise RequestError(f"{message[:1].upper()}{message[1:]}. Try `{EXAMPLE}`.")


def read_command(words: Sequence[str]) -> Command:
    """What the words ask for; `--help` prints the help and exits.

    Raises:
        RequestError: they cannot be understood.
    """
    given, unknown = _parser().parse_known_args(list(map(whole, words)))
    if unknown:
        meant = nearest(unknown[0], _parser().format_help().split())
        hint = f" Did you mean {quote(meant)}?" if meant and meant.startswith("-") else ""
        raise RequestError(
            f"{quote(unknown[0])} is no option, and a task is one quoted text.{hint} "
            f"Try `{HELP_COMMAND}`."
        )
    if not given.task.strip():
        raise RequestError(f"The task is empty. Try `{EXAMPLE}`.")
    limits = Limits(given.max_turns, given.max_tokens, given.max_runs, given.max_gpu_hours)
    return Command(given.role, given.task, given.model, limits, given.yes, given.json)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m agents",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("role", metavar="NAME", help=" or ".join(ROLES))
    add("task", metavar="TASK", help="what to do, as one quoted text")
    add("--model", metavar="M", help="model to ask")
    _add_limits(parser)
    add(
        "--yes",
        action="store_true",
        help="agree beforehand to what it would ask, as to stop a run",
    )
    add("--json", action="store_true", help="print one JSON object instead of the words")
    return parser


def _add_limits(parser: argparse.ArgumentParser) -> None:
    add, usual = parser.add_argument, Limits()
    add(
        "--max-turns",
        type=_whole(1),
        default=usual.turns,
        metavar="N",
        help=f"replies whose calls are done (default {usual.turns})",
    )
    add(
        "--max-tokens",
        type=_whole(1),
        default=usual.tokens,
        metavar="N",
        help=f"tokens read and written in all (default {usual.tokens:,})",
    )
    add(
        "--max-runs",
        type=_whole(0),
        default=usual.runs,
        metavar="N",
        help=f"runs that it may start (default {usual.runs})",
    )
    add(
        "--max-gpu-hours",
        type=_hours,
        default=usual.gpu_hours,
        metavar="H",
        help="GPU-hours that its runs may take, also when it is gone: each on a GPU gets a "
        f"bound in time that fits (default {usual.gpu_hours:g})",
    )


def _whole(lowest: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        count = text.replace("_", "").replace(",", "")
        if count.isascii() and count.isdigit() and int(count) >= lowest:
            return int(count)
        raise argparse.ArgumentTypeError(f"{quote(text)} is no whole number from {lowest}")

    return read


def _hours(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = math.nan
    if hours >= 0 and math.isfinite(hours):
        return hours
    raise argparse.ArgumentTypeError(f"{quote(text)} is no number of hours from 0")
