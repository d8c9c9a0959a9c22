"""Whether a folder is a whole, undamaged scenario set, said in one sentence if it is not.

Light on purpose (the standard library and numpy): the way from chat text to a launched run asks
this question before anything heavy is imported.
"""

import hashlib
import json
import math
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drivetrain.errors import DataError, NotFoundError
from drivetrain.text import quote, typed

FORMAT = "drivetrain-scenario-set"
VERSION = 2
MANIFEST = "manifest.json"
CATALOGUE = "scenarios.npy"

FULL_CHECK_BYTES = 256 * 2**20
"""Up to this size every byte is read before a run starts; above it, sizes and offsets are."""

LARGEST = 1e9
"""No measure of a scene is larger; kernels turn lengths into rows, and those must be whole."""

MAY_BE_NAN = frozenset({"limit_mps", "desired_mps", "lane_limit_mps", "lane_rule_mps"})
"""Columns in which NaN says that the source states no number."""

_FILE_NAME = re.compile(r"([a-z_]+/)?[a-z0-9_]+\.npy")

MAKE_AGAIN = (
    "Make it again with this program: `/train data convert FORMAT SOURCE --out DIR`, or "
    "`/train data generate --out DIR`."
)


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a column's file must hold.

    table, dtype, kind, target: the column's row in `drivetrain.sim.scenario.COLUMNS`.
    unit: of its values, empty for plain counts.  rows, size, sha256: of the file as written.
    """

    table: str
    dtype: str
    kind: str
    target: str | None
    unit: str
    rows: int
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a scenario set says about itself.

    tables: rows per table.  splits, types, sources, licences, rejects: scenarios per name.
    repairs: what was mended and kept, by name.  unfit: why a source file gave nothing, by file.
    files: by path inside the folder.
    """

    converter: str
    converter_version: int
    step_s: float
    scenarios: int
    splits: dict[str, int]
    types: dict[str, int]
    licences: dict[str, int]
    rejects: dict[str, int]
    split_rule: str
    tables: dict[str, int]
    files: dict[str, FileFacts]
    sources: dict[str, int] = field(default_factory=dict)
    repairs: dict[str, int] = field(default_factory=dict)
    unfit: dict[str, str] = field(default_factory=dict)
    format: str = FORMAT
    version: int = VERSION

    def as_json(self) -> str:
        """The manifest's text, the same for the same set."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Manifest":
        """The manifest behind a text.

        Raises: TypeError, KeyError or ValueError where the text is something else.
        """
        facts = json.loads(text)
        for name in ("splits", "types", "licences", "rejects", "tables"):
            _require_counts(facts[name])
        for name in ("sources", "repairs"):
            _require_counts(facts.get(name, {}))
        _require_texts(facts.get("unfit", {}))
        if not all(isinstance(facts[name], str) for name in ("converter", "split_rule")):
            raise TypeError("a converter and its rule are text")
        if not (isinstance(facts["step_s"], int | float) and facts["step_s"] > 0):
            raise TypeError("a step lasts some seconds")
        facts["files"] = {
            name: _file_facts(name, file) for name, file in facts["files"].items()
        }
        return cls(**facts)


def read_manifest(folder: Path) -> Manifest:
    """What the set in `folder` says about itself.

    Raises: NotFoundError where there is no set, DataError where it cannot be understood.
    """
    path = folder / MANIFEST
    if not _is_folder(folder):
        raise NotFoundError(
            f"There is no scenario set at {called(folder)}; leave out `--data` for the "
            f"built-in scenarios, or make one: "
            f"`/train data generate --out {typed(str(folder))}`."
        )
    if not path.is_file():
        raise DataError(
            f"{called(folder)} is not a scenario set: it has no `{MANIFEST}`. Name the folder "
            f"that `/train data convert`, `join` or `generate` wrote with `--out DIR`."
        )
    text = path.read_text(encoding="utf-8", errors="replace")
    _require_our_version(folder, text)
    try:
        return Manifest.from_json(text)
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise _damaged(folder, f"`{MANIFEST}` lacks or misnames a field") from error


def check(folder: Path, *, every_value: bool = False) -> None:
    """Passes for a whole, undamaged set of this version.

    every_value: look at the values of a large set too.
    Raises: NotFoundError or DataError with one sentence on the first thing that is wrong.
    """
    manifest = read_manifest(folder)
    for name, facts in manifest.files.items():
        _check_size(folder, name, facts)
    whole = sum(facts.size for facts in manifest.files.values()) <= FULL_CHECK_BYTES
    for name, facts in manifest.files.items():
        _check_values(folder, name, facts, manifest.tables, whole=whole or every_value)
    if whole:
        for name, facts in manifest.files.items():
            if sha256_of(folder / name) != facts.sha256:
                raise _damaged(folder, f"`{name}` is not what was written (its hash differs)")


def check_splits(folder: Path) -> None:
    """Passes for a set that a run can train on and be judged by.

    Raises: DataError where it holds no scenario to train or to validate with.
    """
    splits = read_manifest(folder).splits
    if not (splits.get("train") and splits.get("val")):
        held = ", ".join(f"{splits.get(name, 0)} {name}" for name in ("train", "val", "test"))
        raise DataError(
            f"The scenario set {called(folder)} holds {held} scenarios, and a run needs "
            "some to train and some to validate with. A recording is never split, so take in "
            "at least three: `/train data join SET SET --out DIR`."
        )


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, as hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def called(folder: Path) -> str:
    """The folder as inline code; its name is whatever somebody wrote."""
    return quote(str(folder), 200)


def read_column(folder: Path, name: str) -> NDArray[Any]:
    """One file of the set, memory-mapped and read-only.

    Raises: DataError where it is no array.
    """
    try:
        mapped = np.load(folder / name, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, SyntaxError) as error:
        raise _damaged(folder, f"`{name}` is no readable array") from error
    # A plain view: kernels would be compiled a second time for the memmap class.
    return np.asarray(mapped)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name too long for any file system: as good as absent
        return False


def _file_facts(name: str, facts: dict[str, Any]) -> FileFacts:
    if not _FILE_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no file of a set")
    _require_counts({key: facts[key] for key in ("rows", "size")})
    if not all(isinstance(facts[key], str) for key in ("table", "dtype", "kind", "sha256")):
        raise TypeError("a file's facts are text")
    if not isinstance(facts["target"], str | None):
        raise TypeError("a target is a table")
    return FileFacts(**facts)


def _require_counts(counts: object) -> None:
    if not isinstance(counts, dict):
        raise TypeError("counts stand by name")
    if not all(type(count) is int and count >= 0 for count in counts.values()):
        raise TypeError("counts are whole numbers from 0")


def _require_texts(texts: object) -> None:
    if not isinstance(texts, dict):
        raise TypeError("texts stand by name")
    if not all(isinstance(text, str) for text in texts.values()):
        raise TypeError("a reason is text")


def _require_our_version(folder: Path, text: str) -> None:
    try:
        facts = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _damaged(folder, f"`{MANIFEST}` is not JSON") from error
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise _damaged(folder, f"`{MANIFEST}` is not one of a scenario set")
    if facts.get("version") != VERSION:
        version = quote(str(facts.get("version")))
        raise DataError(
            f"The scenario set {called(folder)} has version {version}; "
            f"this program reads version {VERSION}. {MAKE_AGAIN}"
        )


def _check_size(folder: Path, name: str, facts: FileFacts) -> None:
    path = folder / name
    if not path.is_file():
        raise _damaged(folder, f"`{name}` is missing")
    size = path.stat().st_size
    if size != facts.size:
        how = "truncated" if size < facts.size else "longer than written"
        raise _damaged(folder, f"`{name}` is {how}: {size:,} bytes, not {facts.size:,}")


def _check_values(
    folder: Path, name: str, facts: FileFacts, tables: dict[str, int], *, whole: bool
) -> None:
    column = read_column(folder, name)
    # A structured type is named after its size alone; its fields are the reader's to check.
    same_type = name == CATALOGUE or column.dtype.name == facts.dtype
    if column.shape != (facts.rows,) or not same_type:
        raise _damaged(folder, f"`{name}` holds other rows or another type than written")
    if facts.kind == "start":
        _check_offsets(folder, name, column, tables.get(facts.target or "", -1))
    elif facts.kind == "index" and (whole or facts.table == "scenarios"):
        _check_indices(folder, name, column, tables.get(facts.target or "", -1))
    elif whole and column.dtype.kind == "f":
        _check_numbers(folder, name, column)


def _check_offsets(folder: Path, name: str, column: NDArray[Any], target_rows: int) -> None:
    monotone = bool((column[1:] >= column[:-1]).all())
    if not len(column) or column[0] != 0 or column[-1] != target_rows or not monotone:
        raise _damaged(folder, f"the offsets in `{name}` do not run from 0 to {target_rows}")


def _check_indices(folder: Path, name: str, column: NDArray[Any], target_rows: int) -> None:
    if len(column) and (column.min() < -1 or column.max() >= target_rows):
        raise _damaged(folder, f"`{name}` points outside its {target_rows} rows")


def _check_numbers(folder: Path, name: str, column: NDArray[Any]) -> None:
    bad_count = sum(_bad_in(part, Path(name).stem) for part in _parts(column))
    if bad_count:
        raise _damaged(folder, f"`{name}` holds {bad_count:,} numbers that are NaN or huge")


def _bad_in(values: NDArray[Any], column: str) -> int:
    may_be_nan = column in MAY_BE_NAN
    wrong = np.abs(values) > LARGEST if may_be_nan else ~(np.abs(values) <= LARGEST)
    return int(np.count_nonzero(wrong))


def _parts(column: NDArray[Any], rows: int = 1 << 20) -> Iterator[NDArray[Any]]:
    """The column piece by piece, so that a check needs little memory."""
    for at in range(math.ceil(len(column) / rows)):
        yield column[at * rows : (at + 1) * rows]


def _damaged(folder: Path, what: str) -> DataError:
    return DataError(f"The scenario set {called(folder)} is damaged: {what}. {MAKE_AGAIN}")
