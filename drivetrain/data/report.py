"""A scenario set in Markdown or as plain facts."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drivetrain.data.scenario_sets import ScenarioSet
from drivetrain.data.split import SPLITS
from drivetrain.sim.scenario import Category, Signal
from drivetrain.text import plain, quote, typed

MOST_UNFIT = 5
"""So many source files that gave nothing are named one by one."""
PIECE = 1 << 20
"""Values of a column that are counted at once: a set may be larger than the memory."""
SHEET_SCENES = 16


@dataclass(frozen=True, slots=True)
class Summary:
    """What a person wants to know of a set before training on it."""

    scenarios: ScenarioSet
    folder: Path

    def facts(self) -> dict[str, Any]:
        """The summary for machines."""
        arrays, manifest = self.scenarios.arrays, self.scenarios.manifest
        seconds = np.round((arrays.steps - 1) * manifest.step_s, 3)
        agents = np.diff(arrays.first_agent)
        return {
            "folder": str(self.folder),
            "converter": manifest.converter,
            "scenarios": manifest.scenarios,
            "splits": manifest.splits,
            "split_rule": manifest.split_rule,
            "groups": len(np.unique(self.scenarios.catalogue["group"])),
            "groups_by_split": self._groups(),
            "logs": len(np.unique(self.scenarios.catalogue["log"])),
            "types": manifest.types,
            "sources": manifest.sources,
            "licences": manifest.licences,
            "rejects": manifest.rejects,
            "repairs": manifest.repairs,
            "unfit_files": manifest.unfit,
            "seconds": {
                "shortest": float(seconds.min()),
                "longest": float(seconds.max()),
                "total": round(float(seconds.sum()), 3),
            },
            "agents": {"fewest": int(agents.min()), "most": int(agents.max())},
            "agents_by_category": self._categories(),
            "map": self._map(),
            "bytes": sum(file.size for file in manifest.files.values()),
        }

    def examples(self) -> list[int]:
        """Rows to draw: each type in turn, from the first of it to the last."""
        of_type = [
            np.flatnonzero(self.scenarios.catalogue["type"] == name)
            for name in self.scenarios.manifest.types
        ]
        each = max(1, SHEET_SCENES // len(of_type))
        picked = [
            int(rows[at])
            for rows in of_type
            for at in np.unique(np.linspace(0, len(rows) - 1, each).astype(int))
        ]
        return picked[:SHEET_SCENES]

    def _groups(self) -> dict[str, int]:
        pairs = np.unique(self.scenarios.catalogue[["group", "split"]])
        return {name: int((pairs["split"] == name).sum()) for name in SPLITS}

    def _categories(self) -> dict[str, int]:
        counts = _counts(self.scenarios.arrays.category)
        return {one.name.lower(): int(counts[one]) for one in Category}

    def _map(self) -> dict[str, Any]:
        """What the roads know, as shares from 0 to 1; None where there is nothing to know."""
        arrays = self.scenarios.arrays
        lights = arrays.lights[arrays.road]
        shown = _counts(arrays.signal)
        lanes = np.diff(arrays.first_lane)[arrays.road]
        return {
            "roads": len(arrays.lights),
            "lanes": len(arrays.lane_block),
            "scenarios_with_lanes": _share(lanes > 0),
            "scenarios_with_lights": _share(lights > 0),
            "lights_known": _ratio(
                float(shown.sum() - shown[Signal.UNKNOWN]), float(shown.sum())
            ),
            "lane_limits_known": _share(np.isfinite(arrays.lane_limit_mps)),
            "path_limits_known": _known(arrays.limit_mps),
        }

    def markdown(self, sheet: Path | None = None) -> str:
        """The summary for people, with the next command.  sheet: a picture of its scenes."""
        facts = self.facts()
        drawn = [] if sheet is None else [f"- Scenes: {quote(str(sheet), 200)}"]
        return "\n".join(
            [
                f"## Scenario set {quote(str(self.folder), 200)}",
                "",
                *self._types(),
                "",
                *_scenes(facts),
                *_contents(facts),
                *_damage(facts),
                f"- Size: {facts['bytes'] / 1e6:.1f} MB, made by {plain(facts['converter'])}",
                *drawn,
                "",
                self._next(),
            ]
        )

    def _next(self) -> str:
        """What to do with the set: training takes scenarios to validate with."""
        splits, set_ = self.scenarios.manifest.splits, typed(str(self.folder))
        if not (splits["train"] and splits["val"]):
            return (
                f"Next: it is too small to train on alone (a recording is never split, and "
                f"there are none to validate with); `/train data join {set_} SET --out DIR`"
            )
        run_id = re.sub(r"[^A-Za-z0-9_-]+", "-", self.folder.name)[:60].strip("_-") or "run"
        return f"Next: `/train ppo --data {set_} --run-id {run_id}_v1`"

    def _types(self) -> list[str]:
        catalogue = self.scenarios.catalogue
        header = "| Type | " + " | ".join(SPLITS) + " | all |"
        rows = [header, "|------|" + "---:|" * (len(SPLITS) + 1)]
        for name in [*self.scenarios.manifest.types, "all"]:
            of_type = np.ones(len(catalogue), bool)
            if name != "all":
                of_type = catalogue["type"] == name
            counts = [int((catalogue["split"][of_type] == split).sum()) for split in SPLITS]
            cells = " | ".join(str(count) for count in [*counts, sum(counts)])
            rows.append(f"| {plain(name).replace('|', ' ')} | {cells} |")
        return rows


def _scenes(facts: dict[str, Any]) -> list[str]:
    seconds = facts["seconds"]
    span = _span((seconds["shortest"], seconds["longest"]), ".1f")
    held = ", ".join(f"{count} {name}" for name, count in facts["groups_by_split"].items())
    return [
        f"- Scenarios: {facts['scenarios']:,} from {facts['groups']:,} groups ({held})",
        f"- Split: {plain(facts['split_rule'])}; no group is in two",
        f"- Duration: {span} s at 10 Hz, {_hours(seconds['total'])} in all",
    ]


def _contents(facts: dict[str, Any]) -> list[str]:
    road = facts["map"]
    categories = {name: count for name, count in facts["agents_by_category"].items() if count}
    lights = "" if road["lights_known"] is None else f", shown {_percent(road['lights_known'])}"
    return [
        f"- Agents: {_span(facts['agents'].values(), 'd')} per scenario: {_tally(categories)}",
        f"- Map: lanes in {_percent(road['scenarios_with_lanes'])} of the scenarios, lights in "
        f"{_percent(road['scenarios_with_lights'])}{lights}; limits known for "
        f"{_percent(road['lane_limits_known'])} of lanes, "
        f"{_percent(road['path_limits_known'])} of driving lines",
        f"- Sources: {_tally(facts['sources'])}",
        f"- Licences: {_tally(facts['licences'])}",
    ]


def _damage(facts: dict[str, Any]) -> list[str]:
    lines = [f"- Left out: {_tally(facts['rejects']) or 'none'}"]
    if facts["repairs"]:
        lines.append(f"- Mended and kept: {_tally(facts['repairs'])}")
    unfit = list(facts["unfit_files"].items())
    if unfit:
        told = [f"{quote(file)} ({plain(why)})" for file, why in unfit[:MOST_UNFIT]]
        more = f" and {len(unfit) - MOST_UNFIT:,} more" if len(unfit) > MOST_UNFIT else ""
        lines.append(f"- Files of no use: {', '.join(told)}{more}")
    return lines


def _counts(codes: NDArray[np.uint8]) -> NDArray[np.int64]:
    """[256] how often each code stands in a column."""
    counts = np.zeros(256, np.int64)
    for at in range(0, len(codes), PIECE):
        counts += np.bincount(codes[at : at + PIECE], minlength=256)
    return counts


def _known(numbers: NDArray[np.float32]) -> float | None:
    parts = range(0, len(numbers), PIECE)
    known = sum(int(np.isfinite(numbers[at : at + PIECE]).sum()) for at in parts)
    return _ratio(known, len(numbers))


def _share(is_so: NDArray[np.bool_]) -> float | None:
    return _ratio(int(is_so.sum()), len(is_so))


def _ratio(part: float, whole: float) -> float | None:
    return None if not whole else round(part / whole, 4)


def _percent(share: float | None) -> str:
    return "none" if share is None else f"{100 * share:.0f} %"


def _hours(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 600 else f"{seconds / 3600:.1f} h"


def _span(ends: Any, style: str) -> str:
    low, high = (format(end, style) for end in ends)
    return low if low == high else f"{low} to {high}"


def _tally(counts: dict[str, int]) -> str:
    return ", ".join(f"{plain(name)} {count}" for name, count in counts.items())
