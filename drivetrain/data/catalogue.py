"""What a set says about itself: a row per scenario, and the manifest's counts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drivetrain.data import integrity, split
from drivetrain.data.integrity import FileFacts, Manifest
from drivetrain.sim.config import STEP_S
from drivetrain.sim.scenario import Scenario

_TEXTS = ("id", "source", "log", "group", "split", "type", "licence")
FIELDS = (*_TEXTS, "origin")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a set comes from: the converter and its version."""

    converter: str
    version: int


Row = tuple[tuple[str, ...], tuple[float, float]]
"""A scenario's texts, split left empty, and its origin."""


@dataclass(slots=True)
class Damage:
    """What a set left out or mended, and why.

    rejects: scenarios (or, as `file_…`, source files) by reason.  repairs: by name.
    unfit: the reason of each source file that gave nothing.
    """

    rejects: Counter[str] = field(default_factory=Counter)
    repairs: Counter[str] = field(default_factory=Counter)
    unfit: dict[str, str] = field(default_factory=dict)


def row_of(scenario: Scenario) -> Row:
    """What the catalogue will say about a scenario, before it has a split."""
    texts = (
        scenario.id,
        scenario.source,
        scenario.log,
        scenario.group,
        "",
        scenario.type,
        scenario.licence,
    )
    return texts, scenario.origin_m


def group_of(row: Row) -> str:
    """The recording drive that a row belongs to."""
    return row[0][_TEXTS.index("group")]


def rows_of(catalogue: NDArray[np.void]) -> list[Row]:
    """A catalogue's rows, their splits left empty."""
    blank = _TEXTS.index("split")
    return [
        (
            (*row[:blank], "", *row[blank + 1 : len(_TEXTS)]),
            (float(row[-1][0]), float(row[-1][1])),
        )
        for row in catalogue.tolist()
    ]


def catalogue_of(
    rows: Sequence[Row], splits: Mapping[str, split.Split] | None
) -> tuple[NDArray[np.void], str]:
    """[scenarios] structured rows, and the rule that split them."""
    groups = [group_of(row) for row in rows]
    chosen, rule = split.assign(groups) if splits is None else (dict(splits), split.GIVEN_RULE)
    filled = [
        (*texts[:4], chosen[group], *texts[5:], origin)
        for (texts, origin), group in zip(rows, groups, strict=True)
    ]
    widths = [
        max((len(row[at]) for row in filled), default=1) or 1 for at in range(len(_TEXTS))
    ]
    types = [(name, f"U{width}") for name, width in zip(_TEXTS, widths, strict=True)]
    catalogue = np.array(filled, dtype=[*types, ("origin", "f8", (2,))])
    catalogue.setflags(write=False)
    return catalogue, rule


def facts_of_catalogue(path: Path, rows: int) -> FileFacts:
    """What the catalogue's own file must hold."""
    return FileFacts(
        table="scenarios",
        dtype="structured",
        kind="value",
        target=None,
        unit="",
        rows=rows,
        size=path.stat().st_size,
        sha256=integrity.sha256_of(path),
    )


def manifest_of(
    origin: Origin,
    catalogue: NDArray[np.void],
    rule: str,
    tables: Mapping[str, int],
    files: dict[str, FileFacts],
    damage: Damage | None = None,
) -> Manifest:
    """The manifest of a set.

    rule: how it was split.  tables: rows per table.  files: none for a set in memory.
    """
    damage = damage or Damage()
    return Manifest(
        converter=origin.converter,
        converter_version=origin.version,
        step_s=STEP_S,
        scenarios=len(catalogue),
        splits={name: int((catalogue["split"] == name).sum()) for name in split.SPLITS},
        types=_counts(catalogue["type"]),
        licences=_counts(catalogue["licence"]),
        rejects=dict(sorted(damage.rejects.items())),
        sources=_counts(catalogue["source"]),
        repairs=dict(sorted(damage.repairs.items())),
        unfit=damage.unfit,
        split_rule=rule,
        tables=dict(tables),
        files=files,
    )


def _counts(names: NDArray[Any]) -> dict[str, int]:
    return dict(sorted(Counter(names.tolist()).items()))
