"""How drivers drive, side by side on the same scenarios: an evaluation → Markdown. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from drivetrain.numbers import UNKNOWN, percent, short_count, short_duration, short_number
from skill.licences import listed
from skill.report import Report
from skill.table import table, untrusted

MOST_WORST = 5
MOST_TYPES = 20


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


def without_scenarios(evaluation: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """What a page tells of an evaluation: thousands of scenarios stay in its file."""
    if evaluation is None:
        return None
    return {name: told for name, told in evaluation.items() if name != "scenarios"}


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
