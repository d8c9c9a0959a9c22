"""`mcp`: how it is written, and the command that its words become."""

from typing import Final

from drivetrain.errors import RequestError
from drivetrain.options import Given, Option
from drivetrain.text import listing, nearest, quote
from skill.arguments import no_arguments
from skill.grammar import Command, Mcp, Verb
from skill.tools.roles import ROLES


def _mcp(given: Given) -> Command:
    no_arguments(given, "mcp")
    role = given.last("--role")
    if role is not None and role not in ROLES:
        meant = nearest(role, ROLES, cutoff=0.0) or next(iter(ROLES))
        raise RequestError(
            f"`--role` is {quote(role)}; there are {listing(ROLES)}. "
            f"Try `/train mcp --role {meant}`."
        )
    return Mcp(role)


MCP: Final = Verb(
    "mcp",
    "",
    "Serve agent hosts over stdin and stdout (Model Context Protocol); a host types it.",
    "mcp --role model-trainer",
    (Option("--role", "Only what this agent may call.", "AGENT"),),
    _mcp,
)
