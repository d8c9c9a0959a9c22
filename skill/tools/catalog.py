"""The tools, in the one order in which every host lists them."""

from dataclasses import dataclass
from functools import cache, cached_property
from inspect import cleandoc
from typing import Any, Literal

from drivetrain.errors import RequestError
from drivetrain.text import listing, nearest, quote
from skill.tools.acting import EvalCall, ProposeCall, ResumeCall, StopCall
from skill.tools.contract import Contract, published
from skill.tools.looking import CompareCall, DataCall, LogsCall, StatusCall, WaitCall
from skill.tools.starting import start_contracts

Effect = Literal["reads", "computes", "acts", "ends"]
"""`computes` adds answers to the home, `acts` changes runs, `ends` takes one from its work."""


@dataclass(frozen=True)
class Tool:
    """One tool.  verb: the words that do the same in a chat; empty where none do."""

    name: str
    title: str
    contract: type[Contract]
    effect: Effect
    verb: str

    @property
    def description(self) -> str:
        """What it does, when to use it and when not, an example, and what comes next."""
        paragraphs = cleandoc(self.contract.__doc__ or "").split("\n\n")
        return "\n".join(paragraph.replace("\n", " ") for paragraph in paragraphs)

    @property
    def read_only(self) -> bool:
        """Whether it changes nothing."""
        return self.effect == "reads"

    @property
    def destructive(self) -> bool:
        """Whether it takes something away."""
        return self.effect == "ends"

    @property
    def idempotent(self) -> bool:
        """Whether the same call again changes nothing more: all of them are built so."""
        return True

    @cached_property
    def schema(self) -> dict[str, Any]:
        """What it takes, as JSON schema: one flat object."""
        return published(self.contract)


@cache
def tools() -> tuple[Tool, ...]:
    """Every tool, always in the same order: hosts cache their prompts by it."""
    starts = (
        Tool(f"train_{verb}", f"Train with {verb.upper()}", contract, "acts", verb)
        for verb, contract in start_contracts().items()
    )
    return (
        *starts,
        Tool("train_status", "Training status", StatusCall, "reads", "status"),
        Tool("train_logs", "Log of a run", LogsCall, "reads", "logs"),
        Tool("train_wait", "Wait for a run", WaitCall, "reads", "wait"),
        Tool("train_compare", "Compare runs", CompareCall, "computes", "compare"),
        Tool("train_data", "Scenario sets", DataCall, "reads", "data info"),
        Tool("train_eval", "Evaluate a policy", EvalCall, "computes", "eval"),
        Tool("train_propose", "Propose commands", ProposeCall, "reads", ""),
        Tool("train_resume", "Resume a run", ResumeCall, "acts", "resume"),
        Tool("train_stop", "Stop a run", StopCall, "ends", "stop"),
    )


def tool_named(name: str) -> Tool:
    """The tool of this name.

    Raises:
        RequestError: there is none.
    """
    known = {tool.name: tool for tool in tools()}
    if name in known:
        return known[name]
    meant = nearest(name, known) or "train_status"
    raise RequestError(
        f"There is no tool {quote(name)}; there are {listing(known)}. Try `{meant}`."
    )
