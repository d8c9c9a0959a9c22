"""One run in detail: records → Markdown. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from drivetrain.numbers import percent, short_count, short_duration, short_number
from drivetrain.runs.asker import Asker, facts_of
from drivetrain.runs.look import Asked, Run
from drivetrain.runs.record import Ended, Queued, Running, Stalled, Starting, Stopping
from drivetrain.runs.waiting import Waiting
from drivetrain.text import quote, typed
from skill.diagnosis_page import health_line
from skill.evaluation_page import evaluation_part, without_scenarios
from skill.facts import (
    ended_step,
    named,
    phase_words,
    queue_facts,
    queue_words,
    run_facts,
    state_word,
    tracker_trouble,
    why,
)
from skill.licences import course_of, data_words
from skill.lineage import lineage_lines
from skill.report import Facts, Report
from skill.status_page import ago
from skill.table import untrusted, word
from trainers.diagnosis.rules import Diagnosis


@dataclass(frozen=True, slots=True)
class Page:
    """All that a run's page is made of.

    licences: of its data.  now: wall clock, s.  lineage: what it came from.
    from_step: where its attempt went on from, or will.  waiting: its place in the queue.
    ended_in_s: until a stalled run is ended.  health: what the rules find in its learning.
    resumed_by, stopped_by: who asked its last attempt to begin, and to end; None where nobody
    did, or is known.
    time_s: that it took so far, and that it may take; None where that is not bounded.
    """

    run: Run
    asked: Asked | None
    licences: Sequence[str]
    evaluation: Mapping[str, Any] | None
    now: float
    lineage: Mapping[str, Any] | None = None
    from_step: int | None = None
    waiting: Waiting | None = None
    ended_in_s: float | None = None
    health: Diagnosis | None = None
    resumed_by: Asker | None = None
    stopped_by: Asker | None = None
    time_s: tuple[float, float] | None = None


def run_report(page: Page) -> Report:
    """The page of one run."""
    run = page.run
    parts = [
        f"## Run {run.id}",
        "\n".join([*_progress_lines(page), *_request_lines(page), *place_lines(run)]),
        "" if page.evaluation is None else evaluation_part(page.evaluation),
        f"Next: {_next(run)}.",
    ]
    own = run_facts(run) if page.waiting is None else queue_facts(page.waiting)
    facts: Facts = own | {
        "asked_by": facts_of(page.asked.asked_by) if page.asked else None,
        "resumed_by": facts_of(page.resumed_by),
        "stopped_by": facts_of(page.stopped_by),
        "from_step": page.from_step,
        "ended_in_s": page.ended_in_s,
        "events_lost": run.progress.dropped if run.progress else None,
        "stacks": str(run.folder.stacks) if isinstance(run.state, Stalled) else None,
        "digest": page.asked.digest if page.asked else None,
        "request": page.asked.request if page.asked else None,
        "folder": str(run.folder.path),
        "checkpoints": str(run.folder.checkpoints),
        "tensorboard": str(run.folder.logs),
        "licences": list(page.licences),
        "health": [finding.rule for finding in page.health.findings] if page.health else None,
        "lineage": page.lineage,
        "evaluation": without_scenarios(page.evaluation),
    }
    return Report("\n\n".join(part for part in parts if part), facts)


def _progress_lines(page: Page) -> Iterable[str]:
    run, seen = page.run, page.run.progress
    yield f"- State: {_state(page)}"
    yield from _attempt_lines(page)
    yield f"- Algorithm: {run.algorithm}, asked for {ago(run.created, page.now)}"
    if page.asked and (asker := named(page.asked.asked_by)):
        yield f"- Asked by: {asker}"
    if seen is None:
        return
    step = ended_step(run) or seen.step
    share = f" ({percent(step / seen.total)})" if seen.total else ""
    yield f"- Step: {short_count(step)} / {short_count(seen.total)}{share}"
    yield (
        f"- Reward: {short_number(seen.reward)} while training, best evaluation "
        f"{short_number(seen.best_reward)}"
    )
    if not isinstance(run.state, Ended):
        eta = f", ETA {short_duration(seen.eta_s)}" if seen.eta_s is not None else ""
        yield f"- Rate: {short_count(seen.rate)} steps/s{eta}"
        if trouble := tracker_trouble(run):
            yield f"- MLflow: not mirrored, {untrusted(trouble)}; training goes on"
    if page.health and (line := health_line(run, page.health)):
        yield line
    if seen.dropped:
        yield f"- Telemetry: {seen.dropped:,} events lost, which the disk did not take"


def _state(page: Page) -> str:
    run = page.run
    match run.state:
        case Ended(how=how, reason=reason, at=at):
            return f"{how} ({reason}) {ago(at, page.now)}: {why(run.state, page.stopped_by)}"
        case Stalled(overdue_s=overdue):
            silent = f"stalled, {short_duration(overdue)} overdue with a sign of life"
            return f"{silent}; {_what_follows(page)}"
        case Running() if run.progress:
            return f"running ({phase_words(run.progress)})"
        case Queued() if page.waiting is not None:
            return f"queued: {queue_words(page.waiting)}"
        case Queued() | Starting() | Running() | Stopping():
            asker = named(page.stopped_by)
            return f"{state_word(run.state)}{f', asked by {asker}' if asker else ''}"


def _what_follows(page: Page) -> str:
    """What becomes of a stalled run, and where it tells what it hangs in."""
    stacks = f"its stacks come to `{page.run.folder.stacks}`"
    if page.ended_in_s is None:
        return f"{stacks}, and it is waited for"
    goes_on = page.asked is not None and page.asked.plan.auto_resumes > 0
    then = "and goes on from its last save" if goes_on else "as stalled"
    within = short_duration(page.ended_in_s)
    return f"{stacks}; if it stays silent it is ended in {within}, {then}"


def _attempt_lines(page: Page) -> Iterable[str]:
    number = page.run.state.attempt
    # One that was stopped in the queue never began.
    if number > 1 and page.from_step is not None:
        begins = "to go on from" if isinstance(page.run.state, Queued) else "resumed at"
        seen = page.run.progress
        anew = "in its warm-up" if seen and seen.stage_step else "anew"
        where = f"{begins} {short_count(page.from_step)}" if page.from_step else anew
        asker = named(page.resumed_by)
        yield f"- Attempt: {number}, {where}{f', asked by {asker}' if asker else ''}"


def _request_lines(page: Page) -> Iterable[str]:
    asked = page.asked
    if asked is None:
        return
    request = asked.request
    environment = request.get("environment")
    worlds = environment.get("num_envs", "?") if isinstance(environment, dict) else "?"
    device, seed = word(request.get("device", "?")), word(request.get("seed"))
    yield f"- Device: {device}, {word(worlds)} worlds, seed {seed}"
    if page.time_s is not None:
        yield f"- Time: {' of at most '.join(map(short_duration, page.time_s))}"
    yield f"- Data: {data_words(course_of(request), page.licences)}"
    yield from lineage_lines(request, page.lineage or {})
    yield f"- Request: digest {quote(asked.digest[:12])}"


def place_lines(run: Run) -> Iterable[str]:
    """Where the files of a run are."""
    folder = run.folder
    path, names = quote(str(folder.path), 400), (folder.config.name, folder.log.name)
    yield f"- Folder: {path} (config `{names[0]}`, log `{names[1]}`)"
    yield f"- Checkpoints: {quote(str(folder.checkpoints), 400)}"
    yield f"- TensorBoard: `tensorboard --logdir {typed(str(folder.logs))}`"


def _next(run: Run) -> str:
    match run.state:
        case Ended(next_action=action):
            return action
        case Stalled():
            return f"`/train logs {run.id}`"
        case Queued() | Starting() | Running() | Stopping():
            return f"`/train wait {run.id}` or `/train logs {run.id}`"
