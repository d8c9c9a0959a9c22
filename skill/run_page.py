"""One run in detail, and how its policy drives: records → Markdown. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from drivetrain.numbers import percent, short_count, short_duration, short_number
from drivetrain.runs.look import Asked, Run
from drivetrain.runs.record import Ended, Queued, Running, Stalled, Starting, Stopping
from drivetrain.text import typed
from skill.facts import ended_step, run_facts, state_word
from skill.report import Facts, Report
from skill.status_page import ago
from skill.table import table, untrusted

MOST_WORST = 5


@dataclass(frozen=True, slots=True)
class Page:
    """All that a run's page is made of.  licences: of its data.  now: wall clock, s."""

    run: Run
    asked: Asked | None
    licences: Sequence[str]
    evaluation: Mapping[str, Any] | None
    now: float


def run_report(page: Page) -> Report:
    """The page of one run."""
    run = page.run
    parts = [
        f"## Run {run.id}",
        "\n".join([*_progress_lines(page), *_request_lines(page), *place_lines(run)]),
        "" if page.evaluation is None else evaluation_part(page.evaluation),
        f"Next: {_next(run)}.",
    ]
    facts: Facts = run_facts(run) | {
        "digest": page.asked.digest if page.asked else None,
        "request": page.asked.request if page.asked else None,
        "folder": str(run.folder.path),
        "checkpoints": str(run.folder.checkpoints),
        "tensorboard": str(run.folder.logs),
        "licences": list(page.licences),
        "evaluation": page.evaluation,
    }
    return Report("\n\n".join(part for part in parts if part), facts)


def evaluation_part(evaluation: Mapping[str, Any]) -> str:
    """The drivers side by side on the same scenarios."""
    data = evaluation.get("data") or {}
    header = (
        *("Driver", "Episodes", "Success", "At-fault collision", "Collision", "Off-road"),
        *("Progress", "Reward"),
    )
    lines = [
        "### Evaluation",
        "",
        f"{_driven(data)}{_traffic(evaluation)}. In brackets: count, 95 % interval.",
        "",
        table(header, map(_driver_row, evaluation.get("drivers") or ())),
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
    rates = ("success", "at_fault_collision", "collision", "off_road")
    progress, reward = driver.get("progress") or {}, driver.get("reward") or {}
    return (
        untrusted(str(driver.get("name", "")), 80),
        str(driver.get("episodes", "?")),
        *(_rate(driver.get(name) or {}) for name in rates),
        percent(progress.get("mean")),
        short_number(reward.get("mean")),
    )


def _rate(rate: Mapping[str, Any]) -> str:
    share = percent(rate.get("rate"))
    if "low" not in rate:
        return share
    low, high = (percent(rate.get(end)).removesuffix("%") for end in ("low", "high"))
    return f"{share} ({rate.get('count', '?')}, {low}-{high}%)"


def _driven(data: Mapping[str, Any]) -> str:
    split, name = untrusted(str(data.get("split", ""))), untrusted(str(data.get("name", "")))
    licences = _listed(data.get("licences") or ())
    return f"{data.get('scenarios', '?')} {split} scenarios of {name}, licence {licences}"


def _listed(licences: Sequence[str]) -> str:
    return ", ".join(untrusted(str(name), 60) for name in licences) or "unknown"


def _traffic(evaluation: Mapping[str, Any]) -> str:
    """How the others drove, and how long the policy had trained, where that is told."""
    traffic, step = evaluation.get("traffic"), evaluation.get("step")
    words = f", traffic {untrusted(str(traffic), 20)}" if traffic else ""
    return words + (f", policy of step {short_count(step)}" if step is not None else "")


def _progress_lines(page: Page) -> Iterable[str]:
    run, seen = page.run, page.run.progress
    yield f"- State: {_state(run, page.now)}"
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


def _state(run: Run, now: float) -> str:
    match run.state:
        case Ended(how=how, reason=reason, detail=detail, at=at):
            words = untrusted(detail) if detail else ""
            return f"{how} ({reason}) {ago(at, now)}{': ' if words else ''}{words}"
        case Stalled(overdue_s=overdue):
            return f"stalled, {short_duration(overdue)} overdue with a sign of life"
        case Running() if run.progress:
            return f"running ({run.progress.phase})"
        case Queued() | Starting() | Running() | Stopping():
            return state_word(run.state)


def _request_lines(page: Page) -> Iterable[str]:
    asked = page.asked
    if asked is None:
        return
    request = asked.request
    worlds = (request.get("environment") or {}).get("num_envs", "?")
    yield f"- Device: {request.get('device', '?')}, {worlds} worlds, seed {request.get('seed')}"
    yield f"- Data: {data_words(request.get('data'), page.licences)}"
    if request.get("init_from"):
        yield f"- Started from: {untrusted(str(request['init_from']), 200)}"
    yield f"- Request: digest `{asked.digest[:12]}`"


def data_words(data: str | None, licences: Sequence[str]) -> str:
    """The scenario set that a request names, and under which licences it came."""
    if data is None:
        return "built-in generated scenarios"
    return f"{untrusted(data, 200)}, licence {_listed(licences)}"


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
