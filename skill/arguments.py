"""The plain words behind a verb: how many it takes, and what is said where there are others."""

from drivetrain.errors import RequestError
from drivetrain.options import Given
from drivetrain.text import quote


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
