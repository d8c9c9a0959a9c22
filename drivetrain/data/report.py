"""A scenario set in Markdown or as plain facts."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from drivetrain.data.scenario_sets import ScenarioSet
from drivetrain.data.split import SPLITS
from drivetrain.text import plain, quote, typed


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
            "types": manifest.types,
            "licences": manifest.licences,
            "rejects": manifest.rejects,
            "seconds": {"shortest": float(seconds.min()), "longest": float(seconds.max())},
            "agents": {"fewest": int(agents.min()), "most": int(agents.max())},
            "bytes": sum(file.size for file in manifest.files.values()),
        }

    def markdown(self) -> str:
        """The summary for people, with the next command."""
        facts = self.facts()
        run_id = re.sub(r"[^A-Za-z0-9_-]+", "-", self.folder.name)[:60].strip("_-") or "run"
        return "\n".join(
            [
                f"## Scenario set {quote(str(self.folder), 200)}",
                "",
                *self._types(),
                "",
                f"- Scenarios: {facts['scenarios']:,} from {facts['groups']:,} groups",
                f"- Split: {plain(facts['split_rule'])}",
                f"- Duration: {_span(facts['seconds'].values(), '.1f')} s at 10 Hz",
                f"- Agents: {_span(facts['agents'].values(), 'd')} per scenario",
                f"- Licences: {_tally(facts['licences'])}",
                f"- Left out: {_tally(facts['rejects']) or 'none'}",
                f"- Size: {facts['bytes'] / 1e6:.1f} MB, made by {plain(facts['converter'])}",
                "",
                f"Next: `/train ppo --data {typed(str(self.folder))} --run-id {run_id}_v1`",
            ]
        )

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


def _span(ends: Any, style: str) -> str:
    low, high = (format(end, style) for end in ends)
    return low if low == high else f"{low} to {high}"


def _tally(counts: dict[str, int]) -> str:
    return ", ".join(f"{plain(name)} {count}" for name, count in counts.items())
