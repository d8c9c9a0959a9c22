"""`replay`: how it is written, and the command that its words become."""

from typing import Final

from drivetrain.errors import RequestError
from drivetrain.options import Given, Option, whole_number
from skill.arguments import run_argument
from skill.grammar import JSON, Command, Replay, Verb

DEFAULT_WORST = 3
MOST_WORST = 50


def _replay(given: Given) -> Command:
    driver = run_argument(given, "replay")
    for flag, what in (("--data", "a scenario set"), ("--out", "the folder to draw into")):
        if given.last(flag) == "":
            raise RequestError(
                f"`{flag}` is empty; it is {what}. Try `/train replay {driver}`."
            )
    worst = whole_number(f"replay {driver}", "--worst", given.last("--worst"), 1, MOST_WORST)
    return Replay(
        driver=driver,
        scenarios=_scenarios(given, driver),
        worst=DEFAULT_WORST if worst is None else worst,
        data=given.last("--data"),
        out=given.last("--out"),
        as_json="--json" in given,
    )


def _scenarios(given: Given, driver: str) -> tuple[str, ...]:
    named = given.values.get("--scenario", ())
    if not all(named):
        raise RequestError(
            "`--scenario` is empty; it is the id of a scenario, or how that ends. "
            f"Try `/train replay {driver}`."
        )
    if named and "--worst" in given:
        raise RequestError(
            "`--scenario` says which to draw and `--worst` how many of the worst; give one of "
            f"them. Try `/train replay {driver} --worst {DEFAULT_WORST}`."
        )
    return named


REPLAY: Final = Verb(
    "replay",
    "RUN|BASELINE",
    "Draw how it drives, as web pages and animated images: the worst scenarios or given ones.",
    "replay ppo_v1 --worst 3",
    (
        Option(
            "--scenario", "Draw this scenario: its id, or how that ends.", "ID", repeats=True
        ),
        Option(
            "--worst",
            f"How many of the worst to draw, at most {MOST_WORST}; else {DEFAULT_WORST}.",
            "N",
        ),
        Option("--data", "Scenario set; by default the one the run trained on.", "SET"),
        Option("--out", "Folder to draw into; else `replays/RUN` beside the runs.", "FOLDER"),
        JSON,
    ),
    _replay,
)
