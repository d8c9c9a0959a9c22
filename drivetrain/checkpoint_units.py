"""Checkpoint units: saved states of a run that are whole or absent, whoever dies while saving.

    checkpoints/<id>/units/<step>/      policy.pt, optim.pt, …; meta.json, written last
    checkpoints/<id>/{last,best}.pt     hard links (else copies) to a unit's policy.pt

A unit is filled under a passing name, synced, and renamed: a kill leaves the old ones and a
draft, which the next writer sweeps away.  `meta.json` holds size and hash of every file, and
its own hash: a damaged unit is passed over for the one before.  Writers take turns; readers
wait for nobody.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from drivetrain.drafts import (
    Fill,
    alone,
    blaming,
    clear_drafts,
    draft_in,
    put_away,
    remove,
    sync_folder,
    write_file,
)
from drivetrain.errors import DataError

FORMAT = 1
META = "meta.json"
POLICY = "policy.pt"
NEWER = "a newer version of Drivetrain wrote it"
"""What is wrong with a unit that is whole for others."""
_STEP = re.compile(r"\d{12,}")
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Unit:
    """One saved state, as it stood after `step` environment steps."""

    path: Path
    step: int

    @property
    def meta(self) -> Mapping[str, Any]:
        """The facts of `meta.json`, read anew.

        Raises:
            DataError: they cannot be read.
        """
        try:
            return _read_meta(self)
        except _BrokenError as error:
            raise DataError(
                f"The checkpoint unit `{self.path}` is damaged: {error}. "
                "Try `/train doctor`, which looks at every unit."
            ) from None

    def file(self, name: str) -> Path:
        """Where one of its files lies."""
        return self.path / name


@dataclass(frozen=True, slots=True)
class Damage:
    """A unit that cannot be gone on from, and why: a clause such as `policy.pt is missing`."""

    path: Path
    what: str


def newest(units: Path) -> Unit | None:
    """The newest unit whose files have the sizes they were written with; reads none of them."""
    return _pick(units, hashed=False)[0]


def newest_verified(units: Path) -> tuple[Unit | None, tuple[Damage, ...]]:
    """The newest unit whose every byte is as written, and the newer ones that are not."""
    return _pick(units, hashed=True)


def damaged(units: Path) -> tuple[Damage, ...]:
    """Every unit that is not as it was written, the newest first; reads every byte."""
    damages = (_damage_of(unit, hashed=True) for unit in _all(units))
    return tuple(damage for damage in damages if damage is not None)


def write(units: Path, step: int, files: Mapping[str, Fill], facts: Mapping[str, Any]) -> Unit:
    """The unit of this step, whole and verified; one that is there already stays as it is.

    files: what fills each file, by plain name.  facts: what `meta.json` says besides.

    Raises:
        OSError: the disk is full or fails; `filename` says where.  Nothing new is left behind.
    """
    unit = Unit(units / f"{step:012d}", step)
    units.mkdir(parents=True, exist_ok=True)
    sync_folder(units.parent)
    with alone(units.parent):
        _clear(units)
        if unit.path.exists() and _damage_of(unit, hashed=True) is None:
            return unit
        draft = Unit(draft_in(units), step)
        try:
            draft.path.mkdir()
            _fill(draft, unit, files, facts)
            put_away(unit.path)
            draft.path.rename(unit.path)
        except BaseException:
            remove(draft.path)
            raise
        sync_folder(units)
    return unit


def link(source: Path, name: Path) -> None:
    """Give a unit's file a second name, replacing what bore it; a copy where links are refused.

    Raises:
        OSError: the disk is full or fails; what bore the name still does.
    """
    with alone(name.parent), blaming(name):
        draft = draft_in(name.parent)
        try:
            _link_or_copy(source, draft)
            draft.replace(name)
        finally:
            # rename(2) does nothing where both names are links to one file: the draft stays.
            remove(draft)
        sync_folder(name.parent)


def prune(units: Path, keep: int, spare: Collection[int]) -> None:
    """Delete all units but the newest `keep` and the steps to spare, if the newest verifies."""
    with alone(units.parent):
        whole = [unit for unit in _all(units) if _damage_of(unit) is None]
        kept = {unit.step for unit in whole[:keep]} | set(spare)
        # A damaged unit ahead of the newest whole one stays until training has passed it.
        passed = [unit for unit in _all(units) if whole and unit.step < whole[0].step]
        doomed = [unit for unit in passed if unit.step not in kept]
        if doomed and _damage_of(whole[0], hashed=True) is None:
            for unit in doomed:
                put_away(unit.path)


def sweep(units: Path) -> None:
    """Clear away what killed writers left behind."""
    if units.is_dir():
        with alone(units.parent):
            _clear(units)


def _clear(units: Path) -> None:
    """Remove the drafts among the units, and among the links beside them."""
    clear_drafts(units)
    clear_drafts(units.parent)


class _BrokenError(Exception):
    """Why a unit is not whole."""


def _fill(draft: Unit, unit: Unit, files: Mapping[str, Fill], facts: Mapping[str, Any]) -> None:
    """Write every file of a unit, then `meta.json`, and see that all reads back."""
    written: dict[str, Any] = {}
    for name, fill in files.items():
        if not _PLAIN.fullmatch(name) or name == META:
            raise ValueError(f"`{name}` cannot be a file of a unit; a plain name can")
        with blaming(unit.file(name)):
            written[name] = write_file(draft.file(name), fill)
    meta = {"v": FORMAT, "step": unit.step, "files": written, **facts}
    text = json.dumps(meta | {"sha256": _hash_of(meta)}, indent=1).encode()
    with blaming(unit.file(META)):
        write_file(draft.file(META), lambda file: file.write(text))
        sync_folder(draft.path)
        damage = _damage_of(draft, hashed=True)
        if damage is not None:
            raise OSError(None, f"what was saved does not read back: {damage.what}")


def _link_or_copy(source: Path, draft: Path) -> None:
    try:
        os.link(source, draft)
    except OSError:
        with source.open("rb") as whole:
            write_file(draft, lambda file: shutil.copyfileobj(whole, file))


def _pick(units: Path, *, hashed: bool) -> tuple[Unit | None, tuple[Damage, ...]]:
    """The newest whole unit, and the damaged ones before it."""
    seen = _all(units)
    passed: list[Damage] = []
    for unit in seen:
        damage = _damage_of(unit, hashed=hashed)
        if damage is None:
            return unit, tuple(passed)
        if unit.path.exists():  # else it is no damaged unit but a pruned one
            passed.append(damage)
    if _all(units) != seen:  # all that was seen is pruned already, so there are newer ones
        return _pick(units, hashed=hashed)
    return None, tuple(passed)


def _all(units: Path) -> list[Unit]:
    """Every unit, whole or not, newest first."""
    try:
        found = [Unit(at, int(at.name)) for at in units.iterdir() if _STEP.fullmatch(at.name)]
    except FileNotFoundError:
        return []
    return sorted(found, key=lambda unit: unit.step, reverse=True)


def _damage_of(unit: Unit, *, hashed: bool = False) -> Damage | None:
    """What is wrong with a unit, by sizes alone or by every byte."""
    try:
        meta = _read_meta(unit)
        if hashed and meta.get("sha256") != _hash_of(meta):
            return Damage(unit.path, f"its {META} is not what was written")
        for name, told in meta["files"].items():
            _check_file(unit.file(name), told, hashed=hashed)
    except _BrokenError as error:
        return Damage(unit.path, str(error))
    return None


def _read_meta(unit: Unit) -> dict[str, Any]:
    """The facts of a unit.

    Raises:
        _BrokenError: they are missing, torn, of another format, or those of another step.
    """
    try:
        meta = json.loads(unit.file(META).read_bytes())
        version, step, files = meta["v"], meta["step"], meta["files"]
    except FileNotFoundError:
        raise _BrokenError(f"its {META} is missing") from None
    except (OSError, ValueError, TypeError, LookupError):
        raise _BrokenError(f"its {META} cannot be read") from None
    if isinstance(version, int) and version > FORMAT:
        raise _BrokenError(NEWER)
    if version != FORMAT or step != unit.step or not isinstance(files, dict):
        raise _BrokenError(f"its {META} is not what was written")
    return cast(dict[str, Any], meta)


def _check_file(path: Path, told: Mapping[str, Any], *, hashed: bool) -> None:
    """See that a file is as `meta.json` tells.

    Raises:
        _BrokenError: it is not.
    """
    try:
        size, digest = told["bytes"], told["sha256"]
        found = path.stat().st_size
        if found != size:
            raise _BrokenError(f"{path.name} has {found} of its {size} bytes")
        if hashed:
            with path.open("rb") as file:
                found_digest = hashlib.file_digest(file, "sha256").hexdigest()
            if found_digest != digest:
                raise _BrokenError(f"{path.name} is not what was written")
    except FileNotFoundError:
        raise _BrokenError(f"{path.name} is missing") from None
    except (OSError, TypeError, LookupError):
        raise _BrokenError(f"{path.name} cannot be read") from None


def _hash_of(meta: Mapping[str, Any]) -> str:
    """The hash of these facts, save the hash itself; the same before and after JSON."""
    facts = json.loads(json.dumps({**meta, "sha256": None}))
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
