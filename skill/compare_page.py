"""Drivers side by side, and which is better where that is sure: facts → Markdown. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from drivetrain.numbers import UNKNOWN, percent, short_count, short_duration
from skill.report import Facts, Report
from skill.table import table, untrusted

MOST_TYPES = 20
MOST_SETTINGS = 20
LEAST_GROUPS = 30
MEASURES = {
    "score": "Score",
    "success": "Success",
    "at_fault_collision": "At-fault collision",
    "progress": "Progress",
}
TOLD = {
    "score": "Score",
    "success": "Success",
    "at_fault_collision": "At-fault collision",
    "collision": "Collision",
    "off_road": "Off-road",
    "progress": "Progress",
    "nuplan_ego_is_comfortable": "Comfortable",
}
"""Of every driver; verdicts are given on MEASURES."""
NAMELESS = frozenset({"run_id", "seed", "schedule"})
"""What two requests may differ in without training otherwise."""
ABSENT = object()


@dataclass(frozen=True, slots=True)
class Compared:
    """What a child found, and what each run was asked for, in the order they were named."""

    facts: Facts
    requests: Sequence[Mapping[str, Any]]


def compare_report(compared: Compared) -> Report:
    """What `compare` answers."""
    facts, drivers = compared.facts, compared.facts["drivers"]
    settings = differing_settings(compared.requests)
    parts = [
        f"## Comparison of {len(drivers)} drivers",
        "\n".join([_driven(facts), *_driver_lines(drivers)]),
        _standings(drivers),
        _verdict_part(facts),
        _type_part(drivers),
        _settings_part(compared.requests, settings),
    ]
    told = facts | {"differing_settings": settings}
    return Report("\n\n".join(part for part in parts if part), told)


def differing_settings(requests: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The settings in which the requests differ, by path, with the value of each."""
    flat = [dict(_paths(request)) for request in requests]
    paths = dict.fromkeys(path for one in flat for path in one)
    values = {path: [one.get(path, ABSENT) for one in flat] for path in paths}
    return {
        path: [None if value is ABSENT else value for value in each]
        for path, each in values.items()
        if any(value != each[0] for value in each)
    }


def _paths(request: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in request.items():
        if not above and name in NAMELESS:
            continue
        if isinstance(value, Mapping):
            yield from _paths(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _driven(facts: Mapping[str, Any]) -> str:
    data = facts["data"]
    split, name = untrusted(str(data["split"])), untrusted(str(data["name"]))
    licences = ", ".join(untrusted(str(one), 60) for one in data["licences"]) or "unknown"
    return (
        f"{data['scenarios']} {split} scenarios of {name} from {_drives(data['groups'])}, "
        f"licence {licences}, traffic {untrusted(str(facts['traffic']), 20)}, "
        f"at most {short_duration(facts['horizon_s'])}, actuators "
        f"{untrusted(str(facts['actuators']), 20)}. In brackets: 95 % interval."
    )


def _drives(groups: int) -> str:
    return "1 drive" if groups == 1 else f"{groups} drives"


def _driver_lines(drivers: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Which runs stand behind each name, and what one run alone can tell."""
    learned = [driver for driver in drivers if driver["runs"]]
    if learned:
        yield ""
    for driver in learned:
        steps = ", ".join(short_count(step) for step in driver["steps"])
        seeds = ", ".join(map(str, driver["seeds"]))
        mean = "mean of its seeds" if len(driver["runs"]) > 1 else "one seed"
        yield (
            f"- {_name(driver['name'])}: {untrusted(str(driver['algorithm']), 20)}, "
            f"{mean} ({seeds}), policy of step {steps}"
        )
    if any(len(driver["runs"]) == 1 for driver in learned):
        yield (
            "- With one seed the page tells which policy drives better, not which settings or "
            "algorithm would with another seed. Train more: `--seed 1`, `--seed 2`."
        )


def _standings(drivers: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        (_name(driver["name"]), *(_mean(name, driver["measures"][name]) for name in TOLD))
        for driver in drivers
    ]
    return table(("Driver", *TOLD.values()), rows)


def _verdict_part(facts: Mapping[str, Any]) -> str:
    comparisons = facts["comparisons"]
    parts = ["### Who is better", verdicts(comparisons), _footnote(len(comparisons))]
    return "\n\n".join(parts)


def verdicts(comparisons: Sequence[Mapping[str, Any]]) -> str:
    """Who is better where that is sure, in sentences, and every difference, as a table."""
    lines = []
    if any(one["verdict"] == "too_few" for one in comparisons):
        groups = min(one["groups"] for one in comparisons)
        lines += [
            f"Too few groups to tell: the scenarios come from {_drives(groups)}, and "
            f"{LEAST_GROUPS} are needed. The differences below may be chance. Try "
            "`--data` with a larger set.",
            "",
        ]
    lines += [f"- {sentence}" for sentence in _sentences(comparisons)]
    return "\n".join([*lines, "", _difference_table(comparisons)])


def _sentences(comparisons: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """One for each pair: what is sure, and what is not."""
    for (first, second), pair in _pairs(comparisons).items():
        if any(one["verdict"] == "too_few" for one in pair):
            yield f"{_name(first)} and {_name(second)}: too few groups to tell."
            continue
        for verdict, better, worse in (("better", first, second), ("worse", second, first)):
            told = [_told(one) for one in pair if one["verdict"] == verdict]
            if told:
                yield f"{_name(better)} is better than {_name(worse)}: {'; '.join(told)}."
        open_ = [
            MEASURES[one["measure"]].lower() for one in pair if one["verdict"] == "unclear"
        ]
        if len(open_) == len(pair):
            yield f"{_name(first)} and {_name(second)}: no difference is sure."
        elif open_:
            yield f"{_name(first)} and {_name(second)}: not sure in {' and '.join(open_)}."


def _told(contrast: Mapping[str, Any]) -> str:
    measure, gap = contrast["measure"], contrast["difference"]
    low, high = sorted(abs(gap[end]) for end in ("low", "high"))
    mean, low_shown, high_shown = (_size(measure, value) for value in (gap["mean"], low, high))
    unit = "" if measure == "score" else " points"
    way = "lower" if measure == "at_fault_collision" else "higher"
    name = MEASURES[measure].lower()
    return f"{name} {mean}{unit} {way} ({low_shown} to {high_shown})"


def _difference_table(comparisons: Sequence[Mapping[str, Any]]) -> str:
    rows = []
    for (first, second), pair in _pairs(comparisons).items():
        told = {one["measure"]: one for one in pair}
        cells = (_difference(told[name]) if name in told else UNKNOWN for name in MEASURES)
        rows.append((f"{_name(first)} less {_name(second)}", *cells))
    return table(("Difference", *MEASURES.values()), rows)


def _difference(contrast: Mapping[str, Any]) -> str:
    measure, gap = contrast["measure"], contrast["difference"]
    p = contrast["p_corrected"]
    shown = "p < 0.001" if p < 0.001 else f"p {p:.3f}"
    if gap["low"] is None:
        return f"{_signed(measure, gap['mean'])}, {shown}"
    mean, low, high = (_signed(measure, gap[end]) for end in ("mean", "low", "high"))
    return f"{mean} ({low} to {high}), {shown}"


def _footnote(comparisons: int) -> str:
    return (
        "A driver is called better where the interval of the difference leaves out 0 and p, "
        "how often chance alone makes such a difference, is under 0.05. Both drove the "
        "same scenarios and are compared scenario by scenario; scenarios of one drive count "
        "together, seeds are drawn anew as drives are, and p is raised for the "
        f"{comparisons} comparisons of this page (Holm)."
    )


def _type_part(drivers: Sequence[Mapping[str, Any]]) -> str:
    """Score of every driver on every type, where there are several; success where no score."""
    kinds: Mapping[str, Any] = drivers[0]["by_type"]
    if len(kinds) < 2:
        return ""
    scored = any(kind["score"] for driver in drivers for kind in driver["by_type"].values())
    measure = "score" if scored else "success"
    rows = [
        (
            untrusted(kind, 40),
            f"{first['scenarios']} ({first['groups']})",
            *(_mean(measure, driver["by_type"][kind][measure]) for driver in drivers),
        )
        for kind, first in list(kinds.items())[:MOST_TYPES]
    ]
    header = ("Type", "Scenarios (drives)", *(_name(driver["name"]) for driver in drivers))
    few = (
        ""
        if min(kind["groups"] for kind in kinds.values()) >= LEAST_GROUPS
        else f"\n\nTypes of fewer than {LEAST_GROUPS} drives: their intervals are rough."
    )
    return f"### {MEASURES[measure]} by type of scenario\n\n{table(header, rows)}{few}"


def _settings_part(
    requests: Sequence[Mapping[str, Any]], settings: Mapping[str, Sequence[Any]]
) -> str:
    """What the runs were asked for, where they differ."""
    if not settings:
        return ""
    rows = [
        (
            f"`{path}`",
            *(UNKNOWN if value is None else untrusted(str(value), 40) for value in each),
        )
        for path, each in list(settings.items())[:MOST_SETTINGS]
    ]
    header = ("Setting", *(_name(str(request.get("run_id"))) for request in requests))
    more = len(settings) - MOST_SETTINGS
    rest = f"\n\n{more} more differ; `--json` tells all." if more > 0 else ""
    return f"### Settings that differ\n\n{table(header, rows)}{rest}"


def _pairs(
    comparisons: Iterable[Mapping[str, Any]],
) -> dict[tuple[str, str], list[Mapping[str, Any]]]:
    pairs: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for one in comparisons:
        pairs.setdefault((one["first"], one["second"]), []).append(one)
    return pairs


def _name(name: str) -> str:
    return untrusted(name, 80)


def _mean(measure: str, mean: Mapping[str, Any] | None) -> str:
    if mean is None:
        return UNKNOWN
    if mean["low"] is None:
        return _amount(measure, mean["mean"])
    shown, low, high = (_amount(measure, mean[end]) for end in ("mean", "low", "high"))
    return f"{shown} ({low.removesuffix('%')}-{high})"


def _amount(measure: str, value: float) -> str:
    return f"{value:.2f}" if measure == "score" else percent(value)


def _size(measure: str, value: float) -> str:
    return f"{abs(value):.3f}" if measure == "score" else f"{100 * abs(value):.1f}"


def _signed(measure: str, value: float) -> str:
    return f"{value:+.3f}" if measure == "score" else f"{100 * value:+.1f}%"
