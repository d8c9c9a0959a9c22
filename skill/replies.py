"""What the verbs that act on a run answer: facts → Markdown. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from drivetrain.numbers import short_count, short_duration
from drivetrain.runs.hours import HOUR_S
from drivetrain.runs.launch import Started
from drivetrain.runs.look import Run
from drivetrain.runs.record import Ended
from drivetrain.runs.resume import Raised, ResumeReply
from drivetrain.runs.stop import StopReply
from drivetrain.runs.waiting import Waiting
from skill.facts import queue_facts, queue_words, run_facts, state_word
from skill.licences import course_of, data_words
from skill.report import Report
from skill.run_page import place_lines
from skill.table import untrusted


def start_report(
    started: Started,
    request: Mapping[str, Any],
    licences: Sequence[str] = (),
    waiting: Waiting | None = None,
) -> Report:
    """The acknowledgement of a start: what was started, where to look, what to type next."""
    run = started.run
    begun = "started" if waiting is None else "is queued"
    title = f"## Run {run.id} {begun if started.created else 'is already there'}"
    lines = [
        title,
        "",
        *_same_lines(started),
        f"- State: {_state(run) if waiting is None else f'queued: {queue_words(waiting)}'}",
        f"- Plan: {_plan(run, request)}",
        f"- Data: {data_words(course_of(request), licences)}",
        *_origin_lines(request),
        *place_lines(run),
        "",
        f"Next: {_next(run)}",
    ]
    own = run_facts(run) if waiting is None else queue_facts(waiting)
    facts = own | {
        "created_now": started.created,
        "folder": str(run.folder.path),
        "checkpoints": str(run.folder.checkpoints),
        "tensorboard": str(run.folder.logs),
    }
    return Report("\n".join(lines), facts)


def resume_report(reply: ResumeReply, waiting: Waiting | None, raised: Raised) -> Report:
    """What asking a run to go on did: from where it does, and when."""
    run = reply.run
    if reply.did == "repeated":
        asked = "begin" if run.state.attempt == 1 else "go on"
        words = f"was asked to {asked} before, and nothing changed"
    elif waiting is None:
        words = "goes on"
    else:
        words = "is queued to go on"
    start = f"from step {short_count(reply.from_step)}"
    if reply.from_step == 0:
        start = "from the start, since nothing later was saved"
    if reply.has_warmed_up:
        start = "from where its warm-up stands, before the first step"
    place = "" if waiting is None else f" It is {queue_words(waiting)}."
    text = (
        f"Run `{run.id}` {words}: {start}{_raised_words(raised)}.{place}\n\n"
        f"Next: `/train status {run.id}`. The run goes on when this chat or terminal closes."
    )
    own = run_facts(run) if waiting is None else queue_facts(waiting)
    told = {"did": reply.did, "from_step": reply.from_step, "next": f"/train status {run.id}"}
    return Report(text, own | told)


def _raised_words(raised: Raised) -> str:
    steps, hours = raised.total_steps, raised.max_hours
    words = "" if steps is None else f", to {short_count(steps)} steps in all"
    return words + ("" if hours is None else f", for at most {hours:g} hours in all")


def stop_report(reply: StopReply) -> Report:
    """What asking for a stop did."""
    run = reply.run
    words = _stop_words(reply)
    is_over = isinstance(run.state, Ended)
    command = f"/train {'resume' if is_over else 'wait'} {run.id}"
    later = " lets it go on later" if is_over else ""
    text = f"Run `{run.id}` {words}\n\nNext: `{command}`{later}."
    return Report(text, run_facts(run) | {"did": reply.did, "next": command})


def _stop_words(reply: StopReply) -> str:
    match reply.did:
        case "asked":
            return "is asked to stop: it saves first, then ends."
        case "forced":
            return "is told to end within seconds, whether it has saved or not."
        case "repeated":
            return "was asked to stop before; nothing changed."
        case "never_started":
            went = "begun" if reply.run.state.attempt == 1 else "gone on yet"
            return f"had not {went}, and will not."
        case "over":
            return f"is already over: {state_word(reply.run.state)}."


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
    return (
        f"{run.algorithm}, {_length(request)}, seed {request['seed']}, "
        f"device {request['device']}{_time_words(request['schedule'])}"
    )


def _time_words(schedule: Mapping[str, Any]) -> str:
    hours = schedule["max_hours"]
    return "" if hours is None else f", at most {short_duration(hours * HOUR_S)}"


def _length(request: Mapping[str, Any]) -> str:
    """How much is learned; where the steps are open, demonstrations are gone over."""
    steps = request["training"]["total_steps"]
    if "bc" in request:
        bc = request["bc"]
        return f"{short_count(steps)} steps" if steps else f"{bc['epochs']} epochs"
    worlds = request["environment"]["num_envs"]
    return f"{short_count(steps)} steps in {worlds} worlds"


def _origin_lines(request: Mapping[str, Any]) -> list[str]:
    told = {"Imitates": request.get("expert_data"), "Starts from": request.get("init_from")}
    return [f"- {what}: {untrusted(str(path), 200)}" for what, path in told.items() if path]
