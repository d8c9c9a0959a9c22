"""`install`: how it is written, and the command that its words become."""

from typing import Final

from drivetrain.errors import RequestError
from drivetrain.options import Given, Option
from drivetrain.text import listing, nearest, quote
from skill.arguments import no_arguments
from skill.grammar import HOST_NAMES, JSON, Command, Install, Verb


def _install(given: Given) -> Command:
    no_arguments(given, "install")
    return Install(
        agent=_agent(given),
        in_project="--project" in given,
        remove="--remove" in given,
        as_json="--json" in given,
    )


def _agent(given: Given) -> str:
    told = given.last("--agent")
    if told in HOST_NAMES:
        return told
    found = "is missing" if told is None else f"is {quote(told)}"
    meant = nearest(told or "", HOST_NAMES) or HOST_NAMES[0]
    raise RequestError(
        f"`--agent` {found}; it is one of {listing(HOST_NAMES)}. "
        f"Try `/train install --agent {meant}`."
    )


INSTALL: Final = Verb(
    "install",
    "",
    "Show this skill to an agent's host, by a link, and say how that learns of the tools.",
    "install --agent claude",
    (
        Option("--agent", f"The host: {', '.join(HOST_NAMES)}.", "NAME"),
        Option("--project", "For the current folder alone, instead of for you everywhere."),
        Option("--remove", "Take the link away again."),
        JSON,
    ),
    _install,
)
