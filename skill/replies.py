"""What the verbs that act on a run answer: facts → Markdown. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from drivetrain.numbers import short_count
from drivetrain.runs.launch import Started
from drivetrain.runs.look import Run
from drivetrain.runs.record import Ended
from drivetrain.runs.stop import StopReply
from skill.facts import run_facts, state_word
from skill.report import Report
from skill.run_page import data_words, place_lines
from skill.table import log_block, untrusted


def start_report(
    started: Started, request: Mapping[str, Any], licences: Sequence[str] = ()
) -> Report:
    """The acknowledgement of a start: what was started, where to look, what to type next."""
    run = started.run
    title = f"## Run {run.id} {'started' if started.created else 'is already there'}"
    lines = [
        title,
        "",
        *_same_lines(started),
        f"- State: {_state(run)}",
        f"- Plan: {_plan(run, request)}",
        f"- Data: {data_words(request['data'], licences)}",
        *_origin_lines(request),
        *place_lines(run),
        "",
        f"Next: {_next(run)}",
    ]
    facts = run_facts(run) | {
        "created_now": started.created,
        "folder": str(run.folder.path),
        "checkpoints": str(run.folder.checkpoints),
        "tensorboard": str(run.folder.logs),
    }
    return Report("\n".join(lines), facts)


def stop_report(reply: StopReply) -> Report:
    """What asking for a stop did."""
    run = reply.run
    words = _stop_words(reply)
    text = f"Run `{run.id}` {words}\n\nNext: `/train wait {run.id}`."
    return Report(text, run_facts(run) | {"did": reply.did, "next": f"/train wait {run.id}"})


def _stop_words(reply: StopReply) -> str:
    match reply.did:
        case "asked":
            return "is asked to stop: it saves first, then ends."
        case "forced":
            return "is told to end within seconds, whether it has saved or not."
        case "repeated":
            return "was asked to stop before; nothing changed."
        case "never_started":
            return "had not begun, and will not."
        case "over":
            return f"is already over: {state_word(reply.run.state)}."


def logs_report(run: Run, lines: Sequence[str], grep: str | None) -> Report:
    """Lines of a run's log, marked as what they are."""
    if not lines:
        holding = f" with {untrusted(grep)}" if grep else ""
        state = state_word(run.state)
        text = f"The log of run `{run.id}` has no line{holding}; state of the run: {state}."
    else:
        text = log_block(run.id, lines)
    return Report(text, {"run": run.id, "state": state_word(run.state), "lines": list(lines)})


def _state(run: Run) -> str:
    end = run.state
    return f"{end.how} ({end.reason})" if isinstance(end, Ended) else state_word(end)


def _next(run: Run) -> str:
    if isinstance(run.state, Ended):
        return f"{run.state.next_action}. To run it again, choose another `--run-id`."
    return f"`/train status {run.id}`. The run goes on when this chat or terminal closes."


def _same_lines(started: Started) -> list[str]:
    if started.created:
        return []
    return ["The same request under the same id is the same run: nothing new was started.", ""]


def _plan(run: Run, request: Mapping[str, Any]) -> str:
    steps = short_count(request["training"]["total_steps"])
    worlds = request["environment"]["num_envs"]
    return (
        f"{run.algorithm}, {steps} steps in {worlds} worlds, seed {request['seed']}, "
        f"device {request['device']}"
    )


def _origin_lines(request: Mapping[str, Any]) -> list[str]:
    start = request.get("init_from")
    return [f"- Starts from: {untrusted(str(start), 200)}"] if start else []
