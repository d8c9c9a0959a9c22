"""Scenario sets and demonstrations at hand: found by their manifests, without opening them."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from drivetrain.numbers import short_count
from drivetrain.runs.atomic import read_json
from drivetrain.text import typed
from skill.report import Facts, Report
from skill.table import table, untrusted

MANIFEST = "manifest.json"
COUNTED = {"drivetrain-scenario-set": "scenarios", "drivetrain-demonstrations": "transitions"}
"""What a manifest counts, by the format that it names; reading more takes NumPy."""
PLACES = ("datasets", "demos", "sets")
"""Folders that are looked through, of the project and of the home."""
DEEPEST = 3
MOST_LISTED = 15
MOST_SEEN = 2000
"""Folders that are looked into at most."""


def list_sets(project: Path, home: Path) -> Report:
    """Every set in the usual places."""
    roots = [base / place for base in (project, home) for place in PLACES]
    found = [facts for folder in _folders(roots) if (facts := _facts(folder, project))]
    if not found:
        text = (
            "No scenario set is at hand; runs train on the built-in generated scenarios. "
            "A person makes one with `/train data convert` or `/train data generate`."
        )
        return Report(text, {"sets": []})
    rows = [
        (untrusted(one["folder"]), one["holds"], short_count(one["count"]))
        for one in found[:MOST_LISTED]
    ]
    left = len(found) - len(rows)
    more = f"\n\n… and {left} more." if left > 0 else ""
    text = (
        f"{table(('Folder', 'Holds', 'Count'), rows)}{more}\n\nNext: `/train data info {{}}`."
    )
    return Report(text.format(typed(found[0]["folder"])), {"sets": found})


def _folders(roots: Iterable[Path]) -> Iterator[Path]:
    """The folders below the roots that hold a manifest; a set holds no other."""
    waiting, seen = [(root, 0) for root in roots], 0
    while waiting and seen < MOST_SEEN:
        folder, depth = waiting.pop(0)
        seen += 1
        if (folder / MANIFEST).is_file():
            yield folder
        elif depth < DEEPEST and folder.is_dir():
            below = (Path(entry) for entry in os.scandir(folder) if entry.is_dir())
            waiting += [(each, depth + 1) for each in sorted(below)]


def _facts(folder: Path, project: Path) -> Facts | None:
    """What a set says about itself, for programs; None where it is none of ours."""
    manifest = read_json(folder / MANIFEST) or {}
    counted = COUNTED.get(str(manifest.get("format")))
    if counted is None:
        return None
    near = folder.relative_to(project) if folder.is_relative_to(project) else folder
    count = manifest.get(counted)
    return {
        "folder": str(near),
        "holds": counted if counted == "scenarios" else f"{counted} to imitate",
        "count": count if isinstance(count, int) else None,
        "splits": manifest.get("splits"),
        "licences": manifest.get("licences"),
    }
