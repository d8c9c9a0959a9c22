"""Sets become one set; nothing that was held out is trained on."""

from pathlib import Path

import numpy as np
import pytest

from drivetrain.data import column_files, scenario_sets
from drivetrain.data.catalogue import FIELDS, Origin
from drivetrain.data.joining import join_sets
from drivetrain.data.scenario_sets import ScenarioSetWriter, load
from drivetrain.data.split import Split
from drivetrain.errors import ConflictError, RequestError
from drivetrain.sim.scenario import COLUMNS
from tests.data.builders import scenario, straight_road

SPLITS: dict[str, Split] = {"g0": "train", "g1": "val", "g2": "test"}


def written(
    folder: Path, prefix: str, splits: dict[str, Split] | None = None, count: int = 3
) -> Path:
    road = straight_road(prefix)
    splits = splits or {f"{prefix}{group}": split for group, split in SPLITS.items()}
    groups = list(splits)
    with ScenarioSetWriter(folder / prefix, Origin(prefix, 1), splits=splits) as writer:
        writer.add(
            scenario(f"{prefix}{at}", group=groups[at], road=road, agents=at + 1)
            for at in range(count)
        )
        writer.reject("jump")
        writer.damage.repairs["smoothed"] += 2
        writer.damage.unfit["bad.xml"] = "unreadable"
    return folder / prefix


def test_a_joined_set_holds_all_scenarios_with_their_splits(tmp_path: Path) -> None:
    first, second = written(tmp_path, "a"), written(tmp_path, "b")
    join_sets([first, second], tmp_path / "c")
    joined = load(tmp_path / "c")
    parts = [load(first), load(second)]
    for name in FIELDS:
        expected = np.concatenate([part.catalogue[name] for part in parts])
        np.testing.assert_array_equal(joined.catalogue[name], expected)
    assert joined.manifest.rejects == {"jump": 2}
    assert joined.manifest.repairs == {"smoothed": 4}
    assert joined.manifest.unfit == {"a/bad.xml": "unreadable", "b/bad.xml": "unreadable"}


@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
def test_every_scenario_points_to_its_own_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    first, second = written(tmp_path, "a"), written(tmp_path, "b")
    monkeypatch.setattr(scenario_sets, "PIECE", piece)
    join_sets([first, second], tmp_path / "c")
    joined, parts = load(tmp_path / "c").arrays, [load(first).arrays, load(second).arrays]
    for name, spec in COLUMNS.items():
        columns = [getattr(part, name) for part in parts]
        before: dict[str, int] = dict.fromkeys((one.table for one in COLUMNS.values()), 0)
        if spec.target is not None:
            before[spec.target] = rows_of_table(parts[0], spec.target)
        second_part = column_files.rebased(name, columns[1], before)
        if spec.kind == "start":
            second_part = second_part[1:]
        expected = np.concatenate([columns[0], second_part])
        np.testing.assert_array_equal(getattr(joined, name), expected, err_msg=name)


def rows_of_table(arrays: object, table: str) -> int:
    name, spec = next((n, s) for n, s in COLUMNS.items() if s.table == table)
    return len(getattr(arrays, name)) - (spec.kind == "start")


def test_a_recording_that_one_set_holds_out_is_not_trained_on_in_another(
    tmp_path: Path,
) -> None:
    first = written(tmp_path, "a", {"drive": "train"}, count=1)
    second = written(tmp_path, "b", {"drive": "test"}, count=1)
    with pytest.raises(ConflictError, match=r"`drive` is `test` in .* and `train` in another"):
        join_sets([first, second], tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_sets_that_share_scenarios_are_refused(tmp_path: Path) -> None:
    first = written(tmp_path, "a", {"drive": "train"}, count=1)
    join_sets([first, written(tmp_path, "b")], tmp_path / "c")
    with pytest.raises(ConflictError, match=r"1 scenarios of .*, such as `a0`"):
        join_sets([first, tmp_path / "c"], tmp_path / "d")


def test_one_set_alone_or_a_set_twice_is_refused(tmp_path: Path) -> None:
    first = written(tmp_path, "a")
    for folders, words in (([first], "two sets or more"), ([first, first], "named twice")):
        with pytest.raises(RequestError, match=words):
            join_sets(folders, tmp_path / "c")
    with pytest.raises(ConflictError, match="never overwritten"):
        join_sets([first, written(tmp_path, "b")], first)
