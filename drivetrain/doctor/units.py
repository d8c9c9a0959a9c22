"""Are the saved states whole, and do `last.pt` and `best.pt` belong to them?"""

import filecmp
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from drivetrain.checkpoint_units import NEWER, POLICY, Damage, damaged, link, sweep
from drivetrain.doctor.finding import Finding
from drivetrain.doctor.folders import is_quiet, run_folders
from drivetrain.drafts import DRAFT
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.locks import held_if_free
from drivetrain.text import plain

ASIDE = "damaged"
MOST_BYTES = 16 << 30
"""Of all units together, the newest runs first: replay buffers would take hours to read."""


def check_units(home: Path) -> Iterator[Finding]:
    """Units that are not as they were written, drafts of some, and links that lead nowhere."""
    is_whole = True
    for folder in _saved(home):
        for finding in _look(folder):
            is_whole = False
            yield finding
    if is_whole:
        yield Finding("units", "ok", "Every saved state is as it was written.")


def _saved(home: Path) -> Iterator[RunFolder]:
    """The runs that have units and are not writing any, as many as can be read in minutes."""
    left = MOST_BYTES
    for folder in run_folders(home):
        if folder.units.is_dir() and is_quiet(folder):
            left -= sum(file.stat().st_size for file in folder.units.glob("*/*"))
            if left < 0:
                break
            yield folder


def _look(folder: RunFolder) -> Iterator[Finding]:
    damages = damaged(folder.units)
    whole = _whole(folder, damages)
    yield from _drafts(folder)
    yield from _damages(folder, damages, whole)
    if whole:
        yield from _links(folder, whole)


def _whole(folder: RunFolder, damages: Sequence[Damage]) -> list[Path]:
    """The units that are as they were written, the newest first."""
    broken = {damage.path for damage in damages}
    paths = sorted(folder.units.glob("[0-9]*"), reverse=True)
    return [path for path in paths if path not in broken]


def _drafts(folder: RunFolder) -> Iterator[Finding]:
    drafts = [*folder.units.glob(f"{DRAFT}*"), *folder.checkpoints.glob(f"{DRAFT}*")]
    if drafts:
        yield Finding(
            "units",
            "warning",
            f"A save of run `{folder.id}` was killed half way and left drafts.",
            "The next save removes them, and so does `/train doctor --fix`.",
            partial(_sweep, folder),
        )


def _damages(
    folder: RunFolder, damages: Sequence[Damage], whole: Sequence[Path]
) -> Iterator[Finding]:
    left = f"step {int(whole[0].name):,} is whole" if whole else "no state is left whole"
    for damage in damages:
        says = (
            f"The state of step {int(damage.path.name):,} of run `{folder.id}` cannot be used "
            f"({plain(damage.what)}); {left}."
        )
        if damage.what == NEWER:
            yield Finding("units", "warning", says, "Resume the run with that version.")
            continue
        yield Finding(
            "units",
            "warning" if whole else "problem",
            says,
            f"A resume passes over it. `/train doctor --fix` moves it to `{ASIDE}`.",
            partial(_move_aside, folder, damage),
        )


def _links(folder: RunFolder, whole: Sequence[Path]) -> Iterator[Finding]:
    newest = whole[0]
    if not _is_same(folder.last_checkpoint, newest / POLICY):
        yield Finding(
            "units",
            "warning",
            f"`last.pt` of run `{folder.id}` is not its newest state ({int(newest.name):,}).",
            "The next save replaces it, and so does `/train doctor --fix`.",
            partial(_relink, folder),
        )
    best = folder.best_checkpoint
    if best.exists() and not any(_is_same(best, unit / POLICY) for unit in whole):
        yield Finding(
            "units",
            "warning",
            f"`best.pt` of run `{folder.id}` belongs to no whole state; it may be damaged.",
            f"`/train eval {folder.id}` tells; `/train eval {folder.id} --checkpoint last` "
            "drives with the newest.",
        )


def _is_same(one: Path, other: Path) -> bool:
    """Whether two names lead to the same file, or to copies where links were refused."""
    try:
        return one.samefile(other) or filecmp.cmp(one, other, shallow=False)
    except OSError:
        return False


def _sweep(folder: RunFolder) -> str:
    sweep(folder.units)
    return f"Removed what a killed save of run `{folder.id}` left."


def _move_aside(folder: RunFolder, damage: Damage) -> str:
    with held_if_free(folder.run_lock) as mine:
        if not mine:
            return f"Left the saved states of run `{folder.id}` alone: it is at work again."
        aside = folder.checkpoints / ASIDE
        aside.mkdir(exist_ok=True)
        damage.path.rename(aside / damage.path.name)
    return f"Moved the damaged state {damage.path.name} of run `{folder.id}` to `{aside}`."


def _relink(folder: RunFolder) -> str:
    with held_if_free(folder.run_lock) as mine:
        whole = _whole(folder, damaged(folder.units)) if mine else []
        if not whole:
            return f"Left `last.pt` of run `{folder.id}` alone: it is at work again."
        link(whole[0] / POLICY, folder.last_checkpoint)
    return f"Made `last.pt` of run `{folder.id}` its state of step {int(whole[0].name):,}."
