"""Several scenario sets become one, every scenario in the split that it had."""

from collections.abc import Sequence
from pathlib import Path

from drivetrain.data import integrity
from drivetrain.data.catalogue import Origin, rows_of
from drivetrain.data.scenario_sets import ScenarioSet, ScenarioSetWriter, load, require_free
from drivetrain.data.split import Split
from drivetrain.errors import ConflictError, RequestError
from drivetrain.text import plain, quote, typed

JOINED = Origin("join", 1)


def join_sets(folders: Sequence[Path], out: Path) -> None:
    """Writes the scenarios of all sets, in the order of the sets, to `out`.

    Splits are kept: a scenario that was held out of training somewhere stays held out. So the
    sets may not share a scenario, nor put one recording drive into different splits.
    Raises: ConflictError where they do.
    """
    if len(folders) < 2:
        raise RequestError(
            "`data join` takes two sets or more. Try `/train data join A B --out DIR`."
        )
    require_free(out)
    sets = {folder: load(folder) for folder in folders}
    if len(sets) < len(folders):
        raise RequestError(
            "A set is named twice; name each once. Try `/train data join A B --out DIR`."
        )
    splits = _splits(sets)
    _require_own_scenarios(sets)
    with ScenarioSetWriter(out, JOINED, splits=splits) as writer:
        for folder, scenarios in sets.items():
            writer.append(scenarios.arrays._asdict(), rows_of(scenarios.catalogue))
            manifest = scenarios.manifest
            writer.damage.rejects.update(manifest.rejects)
            writer.damage.repairs.update(manifest.repairs)
            for file, reason in manifest.unfit.items():
                writer.damage.unfit[plain(f"{folder.name}/{file}")] = reason


def _splits(sets: dict[Path, ScenarioSet]) -> dict[str, Split]:
    """The split of every group."""
    chosen: dict[str, Split] = {}
    for folder, scenarios in sets.items():
        pairs = scenarios.catalogue[["group", "split"]].tolist()
        for group, split in dict.fromkeys(pairs):
            if chosen.setdefault(group, split) != split:
                raise ConflictError(
                    f"The recording {quote(group)} is `{split}` in {integrity.called(folder)} "
                    f"and `{chosen[group]}` in another set, so what is held out in one would "
                    f"be trained on in the other; convert their sources together: "
                    f"`/train data convert FORMAT SOURCE… --out DIR`."
                )
    return chosen


def _require_own_scenarios(sets: dict[Path, ScenarioSet]) -> None:
    ids = {
        folder: set(
            zip(*(s.catalogue[name].tolist() for name in ("source", "id")), strict=True)
        )
        for folder, s in sets.items()
    }
    seen: set[tuple[str, str]] = set()
    for folder, own in ids.items():
        both = seen & own
        if both:
            raise ConflictError(
                f"{len(both):,} scenarios of {integrity.called(folder)}, such as "
                f"{quote(min(both)[1])}, are in another of the sets too; leave one out: "
                f"`/train data join {' '.join(typed(str(f)) for f in ids if f != folder)} "
                f"--out DIR`."
            )
        seen |= own
