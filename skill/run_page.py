"""One run in detail, and how its policy drives: records → Markdown. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from drivetrain.numbers import UNKNOWN, percent, short_count, short_duration, short_number
from drivetrain.runs.look import Asked, Run
from drivetrain.runs.record import Ended, Queued, Running, Stalled, Starting, Stopping
from drivetrain.runs.waiting import Waiting
from drivetrain.text import typed
from skill.diagnosis_page import health_line
from skill.facts import (
    ended_step,
    phase_words,
    queue_facts,
    queue_words,
    run_facts,
    state_word,
    tracker_trouble,
    why,
)
from skill.licences import course_of, data_words, listed
from skill.lineage import lineage_lines
from skill.report import Facts, Report
from skill.status_page import ago
from skill.table import table, untrusted
from trainers.diagnosis.rules import Diagnosis

MOST_WORST = 5
MOST_TYPES = 20


@dataclass(frozen=True, slots=True)
class Page:
    """All that a run's page is made of.

    licences: of its data.  now: wall clock, s.  lineage: what it came from.
    from_step: where its attempt went on from, or will.  waiting: its place in the queue.
    ended_in_s: until a stalled run is ended.  health: what the rules find in its learning.
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
        "evaluation": _without_scenarios(page.evaluation),
    }
    return Report("\n\n".join(part for part in parts if part), facts)


def _without_scenarios(evaluation: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """What a page tells of an evaluation: thousands of scenarios stay in its file."""
    if evaluation is None:
        return None
    return {name: told for name, told in evaluation.items() if name != "scenarios"}


def evaluation_part(evaluation: Mapping[str, Any]) -> str:
    """The drivers side by side on the same scenarios."""
    data = evaluation.get("data") or {}
    header = (
        *("Driver", "Episodes", "Score", "Success", "At-fault collision", "Collision"),
        *("Off-road", "Red light", "Progress", "Reward"),
    )
    lines = [
        "### Evaluation",
        "",
        f"{_driven(data)}{_manner(evaluation)}. In brackets: count, 95 % interval.",
        *_split_lines(evaluation),
        "",
        table(header, map(_driver_row, evaluation.get("drivers") or ())),
        *_type_lines(evaluation.get("drivers") or ()),
    ]
    worst = [untrusted(str(name), 60) for name in evaluation.get("worst") or ()]
    if worst:
        lines += ["", f"Worst scenarios: {', '.join(worst[:MOST_WORST])}."]
    return "\n".join(lines)


def evaluation_report(evaluation: Mapping[str, Any]) -> Report:
    """What `eval` answers."""
    title = f"## How {untrusted(str(evaluation.get('run', '')), 64)} drives"
    return Report(f"{title}\n\n{evaluation_part(evaluation)}", dict(evaluation))


def _driver_row(driver: Mapping[str, Any]) -> Sequence[str]:
    rates = ("success", "at_fault_collision", "collision", "off_road", "red_light")
    progress, reward = driver.get("progress") or {}, driver.get("reward") or {}
    return (
        untrusted(str(driver.get("name", "")), 80),
        str(driver.get("episodes", "?")),
        _score(driver.get("score") or {}),
        *(_rate(driver.get(name) or {}) for name in rates),
        percent(progress.get("mean")),
        short_number(reward.get("mean")),
    )


def _type_lines(drivers: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    """The mean score of every driver on every type of scenario, where there are several."""
    kinds: Mapping[str, Any] = (drivers[0].get("by_type") or {}) if drivers else {}
    if len(kinds) < 2 or all(kind.get("score") is None for kind in kinds.values()):
        return
    names = (untrusted(str(driver.get("name", "")), 80) for driver in drivers)
    rows = [
        (
            untrusted(kind, 40),
            str(first.get("scenarios", "?")),
            *(_hundredths(_of_type(driver, kind).get("score")) for driver in drivers),
        )
        for kind, first in list(kinds.items())[:MOST_TYPES]
    ]
    yield from ("", "Score by type of scenario:", "")
    yield table(("Type", "Scenarios", *names), rows)


def _of_type(driver: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    result: Mapping[str, Any] = (driver.get("by_type") or {}).get(kind) or {}
    return result


def _score(score: Mapping[str, Any]) -> str:
    shown = _hundredths(score.get("mean"))
    if score.get("low") is None:
        return shown
    return f"{shown} ({_hundredths(score['low'])}-{_hundredths(score.get('high'))})"


def _hundredths(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.2f}"


def _rate(rate: Mapping[str, Any]) -> str:
    share = percent(rate.get("rate"))
    if "low" not in rate:
        return share
    low, high = (percent(rate.get(end)).removesuffix("%") for end in ("low", "high"))
    return f"{share} ({rate.get('count', '?')}, {low}-{high}%)"


def _driven(data: Mapping[str, Any]) -> str:
    split, name = untrusted(str(data.get("split", ""))), untrusted(str(data.get("name", "")))
    licences = listed(data.get("licences") or ())
    return f"{data.get('scenarios', '?')} {split} scenarios of {name}, licence {licences}"


def _split_lines(evaluation: Mapping[str, Any]) -> Iterable[str]:
    """What a set without `test` scenarios does to the result of a run."""
    is_chosen = evaluation.get("checkpoint") is not None
    if is_chosen and (evaluation.get("data") or {}).get("split") == "val":
        yield ""
        yield (
            "The set has no `test` scenarios: the run's checkpoint was chosen on these, which "
            "flatters it."
        )


def _manner(evaluation: Mapping[str, Any]) -> str:
    """How the others drove, for how long, in what car, and how long the policy had trained.

    Each where it is told.
    """
    traffic, step = evaluation.get("traffic"), evaluation.get("step")
    seconds, actuators = evaluation.get("horizon_s"), evaluation.get("actuators")
    words = f", traffic {untrusted(str(traffic), 20)}" if traffic else ""
    words += f", at most {short_duration(seconds)}" if seconds is not None else ""
    words += f", actuators {untrusted(str(actuators), 20)}" if actuators else ""
    return words + (f", policy of step {short_count(step)}" if step is not None else "")


def _progress_lines(page: Page) -> Iterable[str]:
    run, seen = page.run, page.run.progress
    yield f"- State: {_state(page)}"
    yield from _attempt_lines(page)
    yield f"- Algorithm: {run.algorithm}, started {ago(run.created, page.now)}"
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
            return f"{how} ({reason}) {ago(at, page.now)}: {why(run.state)}"
        case Stalled(overdue_s=overdue):
            silent = f"stalled, {short_duration(overdue)} overdue with a sign of life"
            return f"{silent}; {_what_follows(page)}"
        case Running() if run.progress:
            return f"running ({phase_words(run.progress)})"
        case Queued() if page.waiting is not None:
            return f"queued: {queue_words(page.waiting)}"
        case Queued() | Starting() | Running() | Stopping():
            return state_word(run.state)


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
        yield f"- Attempt: {number}, {where}"


def _request_lines(page: Page) -> Iterable[str]:
    asked = page.asked
    if asked is None:
        return
    request = asked.request
    worlds = (request.get("environment") or {}).get("num_envs", "?")
    yield f"- Device: {request.get('device', '?')}, {worlds} worlds, seed {request.get('seed')}"
    yield f"- Data: {data_words(course_of(request), page.licences)}"
    yield from lineage_lines(request, page.lineage or {})
    yield f"- Request: digest `{asked.digest[:12]}`"


def place_lines(run: Run) -> Iterable[str]:
    """Where the files of a run are."""
    folder = run.folder
    yield f"- Folder: `{folder.path}` (config `{folder.config.name}`, log `{folder.log.name}`)"
    yield f"- Checkpoints: `{folder.checkpoints}`"
    yield f"- TensorBoard: `tensorboard --logdir {typed(str(folder.logs))}`"


def _next(run: Run) -> str:
    match run.state:
        case Ended(next_action=action):
            return action
        case Stalled():
            return f"`/train logs {run.id}`"
        case Queued() | Starting() | Running() | Stopping():
            return f"`/train wait {run.id}` or `/train logs {run.id}`"
