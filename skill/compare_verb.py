"""How `compare` and `diagnose` are written."""

from typing import Final

from drivetrain.errors import RequestError
from drivetrain.options import Given, Option
from drivetrain.runs.folder import is_run_id
from drivetrain.text import listing, nearest, quote
from skill.arguments import near_run_id, run_argument
from skill.grammar import BASELINES, JSON, TRAFFIC, Command, Compare, Diagnose, Verb

MOST_COMPARED = 30
EXAMPLE = "compare ppo_v1 ppo_v2 --baseline idm"


def _compare(given: Given) -> Command:
    names = tuple(dict.fromkeys(given.arguments))
    for name in names:
        if not is_run_id(name):
            raise RequestError(
                f"{quote(name)} cannot name a run: an id has 1 to 64 letters, digits, `.`, `_` "
                "or `-`, and begins with a letter or digit. "
                f"Try `/train compare {near_run_id(name)} --baseline pdm`."
            )
    baselines = tuple(dict.fromkeys(given.values.get("--baseline", ())))
    for name in baselines:
        if name not in BASELINES:
            meant = nearest(name, BASELINES) or "idm"
            raise RequestError(
                f"`--baseline` is {quote(name)}; it is {_either(BASELINES)}. "
                f"Try `/train compare {' '.join(names[:1] or ['ppo_v1'])} --baseline {meant}`."
            )
    _check_count(names, baselines)
    return Compare(
        names=names,
        baselines=baselines,
        data=_data(given, names),
        traffic=_traffic(given, names),
        as_json="--json" in given,
    )


def _check_count(names: tuple[str, ...], baselines: tuple[str, ...]) -> None:
    count = len({*names, *baselines})
    if count < 2:
        other = "pdm" if "idm" in names else "idm"
        hint = f"compare {names[0]} --baseline {other}" if names else EXAMPLE
        found = {0: "none", 1: "one"}[count]
        raise RequestError(
            f"`compare` takes two or more runs or baselines and was given {found}. "
            f"Try `/train {hint}`."
        )
    if count > MOST_COMPARED:
        raise RequestError(
            f"`compare` was given {count} drivers; {MOST_COMPARED} are allowed, since chance "
            f"alone makes one of many look better. Try `/train {EXAMPLE}`."
        )


def _data(given: Given, names: tuple[str, ...]) -> str | None:
    data = given.last("--data")
    if data == "":
        raise RequestError(
            "`--data` is empty; it is the folder of a scenario set. "
            f"Try `/train compare {' '.join(names)}`."
        )
    return data


def _traffic(given: Given, names: tuple[str, ...]) -> str | None:
    traffic = given.last("--traffic")
    if traffic is not None and traffic not in TRAFFIC:
        raise RequestError(
            f"`--traffic` is {quote(traffic)}; it is {_either(TRAFFIC)}. "
            f"Try `/train compare {' '.join(names)} --traffic idm`."
        )
    return traffic


def _either(names: tuple[str, ...]) -> str:
    return listing(names).replace(" and ", " or ")


def _diagnose(given: Given) -> Command:
    return Diagnose(run_argument(given, "diagnose"), as_json="--json" in given)


COMPARE: Final = Verb(
    "compare",
    "RUN RUN…",
    "Judge runs and baselines on the same held-out scenarios, and say who is better where that "
    "is sure.",
    EXAMPLE,
    (
        Option(
            "--data", "Scenario set; by default the one that all of them trained on.", "SET"
        ),
        Option(
            "--baseline",
            f"Compare with a baseline too: {_either(BASELINES)}.",
            "NAME",
            repeats=True,
        ),
        Option(
            "--traffic", f"How the others drive: {_either(TRAFFIC)}; else as trained.", "HOW"
        ),
        JSON,
    ),
    _compare,
)
DIAGNOSE: Final = Verb(
    "diagnose",
    "RUN",
    "Say what is wrong with a run's learning, by its numbers, and which setting to change.",
    "diagnose ppo_v1",
    (JSON,),
    _diagnose,
)
