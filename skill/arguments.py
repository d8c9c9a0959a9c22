"""The plain words behind a verb: how many it takes, and what is said where there are others."""

import re

from drivetrain.errors import RequestError
from drivetrain.options import Given
from drivetrain.runs.folder import is_run_id
from drivetrain.text import quote
from skill.grammar import Checkpoint


def one_argument(given: Given, verb: str, name: str, example: str) -> str:
    """The one plain argument that a verb takes."""
    if len(given.arguments) == 1 and given.arguments[0]:
        return given.arguments[0]
    count = len(given.arguments)
    found = "was given " + {0: "none", 1: "an empty word"}.get(count, f"{count} words")
    raise RequestError(f"`{verb}` takes one {name} and {found}. Try `/train {example}`.")


def no_arguments(given: Given, verb: str) -> None:
    """Passes where nothing but options was given."""
    if given.arguments:
        raise RequestError(
            f"`{verb}` takes options only, and was given {quote(given.arguments[0])}. "
            f"Try `/train help {verb}`."
        )


def run_argument(given: Given, verb: str) -> str:
    """The run id, or the name of a baseline, that a verb takes."""
    word = one_argument(given, verb, "run id", f"{verb} ppo_v1")
    if is_run_id(word):
        return word
    raise RequestError(
        f"{quote(word)} cannot name a run: an id has 1 to 64 letters, digits, `.`, `_` or `-`, "
        f"and begins with a letter or digit. Try `/train {verb} {near_run_id(word)}`."
    )


def checkpoint_option(given: Given, typed: str) -> Checkpoint:
    """Which policy of a run is meant.  typed: the command so far, for what is suggested."""
    match given.last("--checkpoint"):
        case None | "best":
            return "best"
        case "last":
            return "last"
        case text:
            raise RequestError(
                f"`--checkpoint` is {quote(text)}; it is `best` or `last`. "
                f"Try `/train {typed} --checkpoint best`."
            )


def near_run_id(word: str) -> str:
    """A word that can name a run and looks like this one."""
    better = re.sub(r"[^A-Za-z0-9._-]+", "_", word).strip("._-")
    return better[:32].rstrip("._-") or "ppo_v1"
