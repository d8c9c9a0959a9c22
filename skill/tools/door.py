"""The door of every agent: a call is checked, allowed, confirmed, done, bounded and audited."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from drivetrain.errors import RequestError, UserError
from drivetrain.places import told_as_user_errors
from drivetrain.runs.asker import Asker
from drivetrain.runs.look import read_request
from drivetrain.runs.registry import find_run
from drivetrain.text import listing, quote
from skill.report import Report
from skill.tools.acting import StopCall
from skill.tools.audit import Audited, audit
from skill.tools.calls import call_text, with_calls
from skill.tools.catalog import Tool, tool_named
from skill.tools.contract import Contract, Detail
from skill.tools.doing import report_of
from skill.tools.refusals import read_call
from skill.tools.reply import FEWER, Reply, reply_of
from skill.tools.roles import ROLES

DECLINED: Final = "Declined."


@dataclass(frozen=True, slots=True)
class Caller(Asker):
    """Who calls, over `mcp` or `sdk`, and who can be asked in turn.

    role: one of `ROLES`, None for a chat with a person.  ask: puts a question to the person;
    True and False are the answer, None means that nobody can be asked.
    """

    ask: Callable[[str], bool | None] | None = None


class Door:
    """All tools of one home, for one caller."""

    def __init__(self, home: Path, caller: Caller) -> None:
        self.home = home
        self.caller = caller

    def call(self, name: str, arguments: Mapping[str, Any]) -> Reply:
        """Do what the call says.

        Raises:
            UserError: it cannot be done; one sentence, with a call that can.
        """
        try:
            with told_as_user_errors():
                reply = self._reply(name, arguments)
        except UserError as error:
            self._audit(name, arguments, "refused", str(error))
            raise type(error)(with_calls(str(error))) from None
        outcome = "declined" if reply.report.startswith(DECLINED) else "done"
        self._audit(name, arguments, outcome, reply.report, reply.run_ids)
        return reply

    def question(self, name: str, arguments: Mapping[str, Any]) -> str | None:
        """What a person must be asked before this call acts; None where nothing.

        Raises:
            UserError: the call cannot be done anyway.
        """
        tool = self._allowed(name)
        asked = read_call(tool, arguments)
        if not isinstance(asked, StopCall) or asked.confirm == asked.run:
            return None
        find_run(self.home, asked.run)
        how = "without waiting for its save" if asked.force else "after it has saved"
        return f"Stop run {asked.run}, {how}?"

    def _reply(self, name: str, arguments: Mapping[str, Any]) -> Reply:
        tool = self._allowed(name)
        asked = read_call(tool, arguments)
        declined = self._declined(asked) if isinstance(asked, StopCall) else None
        if getattr(asked, "picture", False):
            from skill.tools.pictures import pictured

            report, images = pictured(tool, asked, self.home)
        else:
            report, images = declined or report_of(tool, asked, self.home, self.caller), ()
        detail: Detail = getattr(asked, "detail", "concise")
        reply = reply_of(tool.name, report, detail, _more(tool, asked))
        return reply.model_copy(update={"images": images}) if images else reply

    def _allowed(self, name: str) -> Tool:
        tool = tool_named(name)
        role = self.caller.role
        if role is not None and tool.name not in ROLES[role]:
            instead = "`train_propose`" if "train_propose" in ROLES[role] else "`train_status`"
            raise RequestError(
                f"`{tool.name}` is not for {quote(role)}, which has {listing(ROLES[role])}. "
                f"Try {instead}."
            )
        return tool

    def _declined(self, asked: StopCall) -> Report | None:
        """That a run is left alone; None where it may be stopped.

        Raises:
            RequestError: somebody must be asked, or a reason is missing.
        """
        question = self.question("train_stop", asked.model_dump())
        if question is not None:
            answer = self.caller.ask(question) if self.caller.ask else None
            if answer is False:
                return Report(f"{DECLINED} Run `{asked.run}` is untouched.", {"run": asked.run})
            if answer is None:
                raise _unconfirmed(asked.run, self.caller.role)
        elif self.caller.role is not None:
            _require_finding(asked, self.home)
        return None

    def _audit(
        self,
        name: str,
        arguments: Mapping[str, Any],
        outcome: str,
        said: str,
        run_ids: Sequence[str] = (),
    ) -> None:
        call = Audited(self.caller, name, arguments, outcome, said, run_ids)
        with told_as_user_errors():
            audit(self.home, call)


def _more(tool: Tool, asked: Contract) -> str:
    """How to see what a reply has no room for."""
    if getattr(asked, "detail", None) != "concise":
        return FEWER
    given = asked.model_dump(exclude_unset=True, mode="json")
    return f"`{call_text(tool.name, {**given, 'detail': 'detailed'})}` shows more"


def _unconfirmed(run: str, role: str | None) -> RequestError:
    """A call without a person's word; an agent cannot give it in their place."""
    nobody = f"Nobody confirmed that `{run}` should be stopped"
    if role is None:
        again = call_text("train_stop", {"run": run, "confirm": run})
        return RequestError(f"{nobody}. Ask the person, then call `{again}`.")
    look = call_text("train_status", {"run": run})
    return RequestError(
        f"{nobody}, and an agent stops a run by itself only for what its detectors found. "
        f"Leave it to the person, or see with `{look}` what there is to cite as `finding`."
    )


def _require_finding(asked: StopCall, home: Path) -> None:
    """Passes where the finding that a run is stopped for is there: a flat curve is none."""
    from skill.actions.diagnosing import health_of

    run = find_run(home, asked.run)
    found = [each.rule for each in health_of(run, read_request(run.folder)).findings]
    if asked.finding in found:
        return
    there = f"there are {listing(found)}" if found else "it has none"
    hint = {"run": asked.run, "confirm": asked.run, "finding": (found or ["…"])[0]}
    raise RequestError(
        f"`finding` is {quote(str(asked.finding))}, which is no finding of `{asked.run}`; "
        f"{there}. An agent stops a run by itself only for what its detectors found. Try "
        + (f"`{call_text('train_stop', hint)}`." if found else f"`/train status {run.id}`.")
    )
