"""Every verb: how it is written, what it does, and the command that its words become.

The verbs that serve runs need no Pydantic, so that a cold `/train status` stays quick; those
that start runs take their options from the request models, loaded on demand.
"""

from collections.abc import Mapping
from typing import Final

from drivetrain.errors import RequestError
from drivetrain.numbers import whole_count
from drivetrain.options import Given, Option, number, whole_number
from drivetrain.text import quote
from skill.arguments import checkpoint_option, no_arguments, one_argument, run_argument
from skill.compare_verb import COMPARE, DIAGNOSE
from skill.data_verb import DATA
from skill.export_verb import EXPORT
from skill.grammar import (
    BASELINE_NAMES,
    EVERY_BASELINE,
    JSON,
    Command,
    Doctor,
    Eval,
    Help,
    Logs,
    Resume,
    Start,
    Status,
    Stop,
    Verb,
    Wait,
)
from skill.install_verb import INSTALL
from skill.mcp_verb import MCP
from skill.replay_verb import REPLAY
from skill.watch_verb import WATCH
from trainers.asked import (
    CONFIG,
    DRY_RUN,
    FEWEST_HOURS,
    MOST_HOURS,
    MOST_STEPS,
    SET,
    asked_with,
)

DEFAULT_TAIL = 40
LONGEST_TAIL = 1000
MOST_SKIPPED = 1_000_000
MOST_SCENARIOS = 100_000
LONGEST_WAIT_S = 30 * 86_400


def _status(given: Given) -> Command:
    run = run_argument(given, "status") if given.arguments else None
    return Status(run, as_json="--json" in given)


def _logs(given: Given) -> Command:
    run = run_argument(given, "logs")
    tail = whole_number(f"logs {run}", "--tail", given.last("--tail"), 1, LONGEST_TAIL)
    return Logs(
        run=run,
        tail=DEFAULT_TAIL if tail is None else tail,
        skip=whole_number(f"logs {run}", "--skip", given.last("--skip"), 0, MOST_SKIPPED) or 0,
        grep=given.last("--grep"),
        follow="--follow" in given,
        as_json="--json" in given,
    )


def _stop(given: Given) -> Command:
    run = run_argument(given, "stop")
    return Stop(
        run=run,
        grace_s=number(f"stop {run}", "--grace", given.last("--grace"), 0, 86_400),
        force="--force" in given,
        as_json="--json" in given,
    )


def _resume(given: Given) -> Command:
    run = run_argument(given, "resume")
    text = given.last("--steps")
    steps = None if text is None else whole_count(text)
    if text is not None and (steps is None or not 1 <= steps <= MOST_STEPS):
        raise RequestError(
            f"`--steps` is {quote(text)}; it is the new total, a whole number from 1 to "
            f"{MOST_STEPS:,}, such as `20M`. Try `/train resume {run} --steps 20M`."
        )
    hours = number(
        f"resume {run}", "--max-hours", given.last("--max-hours"), FEWEST_HOURS, MOST_HOURS
    )
    return Resume(run, steps, as_json="--json" in given, max_hours=hours)


def _wait(given: Given) -> Command:
    run = run_argument(given, "wait")
    timeout = number(f"wait {run}", "--timeout", given.last("--timeout"), 0, LONGEST_WAIT_S)
    return Wait(run, timeout, as_json="--json" in given)


def _eval(given: Given) -> Command:
    driver = run_argument(given, "eval")
    if given.last("--data") == "":
        raise RequestError(
            "`--data` is empty; it is the folder of a scenario set. "
            f"Try `/train eval {driver}`."
        )
    return Eval(
        driver=driver,
        data=given.last("--data"),
        scenarios=whole_number(
            f"eval {driver}", "--scenarios", given.last("--scenarios"), 1, MOST_SCENARIOS
        ),
        checkpoint=checkpoint_option(given, f"eval {driver}"),
        as_json="--json" in given,
    )


def _doctor(given: Given) -> Command:
    no_arguments(given, "doctor")
    return Doctor(fix="--fix" in given, as_json="--json" in given)


def _help(given: Given) -> Command:
    topic = one_argument(given, "help", "verb", "help ppo") if given.arguments else None
    return Help(topic, as_json="--json" in given)


LOGS: Final = Verb(
    "logs",
    "RUN",
    "Show what a run printed.",
    "logs ppo_v1 --tail 20",
    (
        Option(
            "--tail",
            f"Newest lines to show, at most {LONGEST_TAIL}; else {DEFAULT_TAIL}.",
            "N",
        ),
        Option("--skip", "Newest lines to leave out, to read further back.", "N"),
        Option("--grep", "Only lines that hold this text.", "TEXT"),
        Option("--follow", "Go on printing until the run ends."),
        JSON,
    ),
    _logs,
)
STOP: Final = Verb(
    "stop",
    "RUN",
    "Ask a run to save and end.",
    "stop ppo_v1",
    (
        Option("--grace", "Seconds to save in before it is ended by force.", "S"),
        Option("--force", "End it within seconds, whether it has saved or not."),
        JSON,
    ),
    _stop,
)
RESUME: Final = Verb(
    "resume",
    "RUN",
    "Go on with a run that ended, from its last saved state.",
    "resume ppo_v1 --steps 20M",
    (
        Option("--steps", "Raise the total: train to this many steps in all.", "N"),
        Option("--max-hours", "Hours it may take, over all attempts.", "H"),
        JSON,
    ),
    _resume,
)
EVAL: Final = Verb(
    "eval",
    "RUN|BASELINE",
    f"Drive a scenario set with a run's policy beside baselines, or with {BASELINE_NAMES} "
    f"alone; `{EVERY_BASELINE}` are all of these.",
    "eval ppo_v1 --data datasets/processed/ngsim",
    (
        Option("--data", "Scenario set; by default the one the run trained on.", "SET"),
        Option("--scenarios", "Scenarios to drive; by default all of its test split.", "N"),
        Option("--checkpoint", "Policy to drive with: `best` (default) or `last`.", "WHICH"),
        JSON,
    ),
    _eval,
)
WAIT: Final = Verb(
    "wait",
    "RUN",
    "Wait until a run ends; the exit code says how.",
    "wait ppo_v1 --timeout 600",
    (Option("--timeout", "Seconds to wait at most; by default without limit.", "S"), JSON),
    _wait,
)

SERVING: Final = (
    Verb(
        "status",
        "[RUN]",
        "Show active and ended runs and the machine, or one run in detail.",
        "status",
        (JSON,),
        _status,
    ),
    LOGS,
    STOP,
    RESUME,
    WAIT,
    WATCH,
    EVAL,
    REPLAY,
    EXPORT,
    COMPARE,
    DIAGNOSE,
    DATA,
    Verb(
        "doctor",
        "",
        "Check the machine and all runs, and say what to do; `--fix` repairs.",
        "doctor --fix",
        (
            Option("--fix", "Repair whatever can be repaired without losing anything."),
            JSON,
        ),
        _doctor,
    ),
    INSTALL,
    MCP,
    Verb(
        "help",
        "[VERB]",
        "Explain all verbs, or one with every default and limit.",
        "help ppo",
        (JSON,),
        _help,
    ),
)
"""The verbs that serve runs, in the order of the help."""


def starting() -> tuple[Verb, ...]:
    """The verbs that start runs: one for each algorithm that can be trained."""
    # Pydantic takes a tenth of a second, which the verbs that serve runs do not have.
    from trainers.fields import option_fields
    from trainers.requests import REQUESTS

    return tuple(
        _starting_verb(name, model.__doc__ or "", option_fields(model))
        for name, model in REQUESTS.items()
    )


def _starting_verb(name: str, summary: str, fields: Mapping[str, Option]) -> Verb:
    def build(given: Given) -> Command:
        no_arguments(given, name)
        asked = asked_with(name, given, fields)
        return Start(asked, dry_run=DRY_RUN.flag in given, as_json=JSON.flag in given)

    options = (CONFIG, *fields.values(), SET, DRY_RUN, JSON)
    return Verb(name, "", summary, f"{name} --run-id {name}_v1", options, build)
