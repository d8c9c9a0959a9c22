"""What is written is what is read, and a set is whole or absent."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from drivetrain.data.catalogue import Origin
from drivetrain.data.column_files import file_name
from drivetrain.data.scenario_sets import BLOCK, ScenarioSet, ScenarioSetWriter, load
from drivetrain.errors import ConflictError, DataError
from drivetrain.sim.pack import pack
from drivetrain.sim.scenario import COLUMNS, Scenario
from tests.data.builders import scenario, straight_road

ORIGIN = Origin("test", 1)


def written(folder: Path, scenarios: list[Scenario], chunk: int = 1000) -> Path:
    with ScenarioSetWriter(folder, ORIGIN) as writer:
        for first in range(0, len(scenarios), chunk):
            writer.add(scenarios[first : first + chunk])
    return folder


def several(count: int) -> list[Scenario]:
    """Scenarios of different sizes; every three share a road."""
    roads = [straight_road(f"road{at}", 100.0 + at) for at in range(count // 3 + 1)]
    return [
        scenario(f"s{at}", group=f"g{at % 5}", road=roads[at // 3], agents=1 + at % 4, steps=5)
        for at in range(count)
    ]


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_columns_come_back_as_they_were_packed(tmp_path: Path) -> None:
    scenarios = several(7)
    read = load(written(tmp_path / "set", scenarios))
    for name, column in pack(scenarios)._asdict().items():
        np.testing.assert_array_equal(getattr(read.arrays, name), column, err_msg=name)


def test_the_catalogue_names_every_scenario(tmp_path: Path) -> None:
    read = load(written(tmp_path / "set", several(3)))
    assert read.catalogue["id"].tolist() == ["s0", "s1", "s2"]
    assert read.catalogue["origin"].tolist() == [[1000.25, -7.5]] * 3
    assert read.licences == ("generated",)
    assert read.manifest.types == {"follow": 3}


def test_how_scenarios_arrive_does_not_change_a_byte(tmp_path: Path) -> None:
    scenarios = several(BLOCK + 9)
    whole, ones, sevens = (
        hashes(written(tmp_path / name, scenarios, chunk))
        for name, chunk in (("whole", 1000), ("ones", 1), ("sevens", 7))
    )
    assert whole == ones == sevens


def test_scenarios_behind_the_first_block_keep_their_own_rows(tmp_path: Path) -> None:
    scenarios = several(2 * BLOCK + 5)
    read = load(written(tmp_path / "set", scenarios)).arrays
    for at in (0, BLOCK - 1, BLOCK, 2 * BLOCK + 4):
        alone = pack([scenarios[at]])
        ego, route = int(read.ego[at]), int(read.route[at])
        frames = slice(read.first_frame[ego], read.first_frame[ego + 1])
        points = slice(read.first_point[route], read.first_point[route + 1])
        np.testing.assert_array_equal(read.x[frames], alone.x[: alone.first_frame[1]])
        np.testing.assert_array_equal(read.path_x[points], alone.path_x[: alone.first_point[1]])
        road, edge = int(read.road[at]), int(read.first_edge[read.road[at]])
        assert read.first_edge[road + 1] - edge == alone.first_edge[1]
        entries = slice(
            read.first_entry[read.first_cell[road]], read.first_entry[read.first_cell[road + 1]]
        )
        np.testing.assert_array_equal(read.entry[entries] - edge, alone.entry)


def test_columns_are_plain_read_only_views_of_the_files(tmp_path: Path) -> None:
    read = load(written(tmp_path / "set", several(3)))
    for name in COLUMNS:
        column = getattr(read.arrays, name)
        assert type(column) is np.ndarray
        assert not column.flags.writeable


def resident_kib(folder: Path) -> int:
    """Memory that the mapped files of a folder take."""
    total, is_of_folder = 0, False
    for line in Path("/proc/self/smaps").read_text(encoding="utf-8").splitlines():
        if "-" in line.split(" ", 1)[0]:
            is_of_folder = str(folder) in line
        elif line.startswith("Rss:") and is_of_folder:
            total += int(line.split()[1])
    return total


def test_an_opened_set_is_in_memory_only_where_it_is_read(tmp_path: Path) -> None:
    arrays = load(written(tmp_path / "set", several(40))).arrays
    assert resident_kib(tmp_path) == 0
    assert np.isfinite(arrays.x).any()
    assert resident_kib(tmp_path) > 0


def test_a_set_in_memory_is_split_like_one_on_disk(tmp_path: Path) -> None:
    scenarios = several(20)
    on_disk = load(written(tmp_path / "set", scenarios))
    in_memory = ScenarioSet.from_scenarios(scenarios)
    np.testing.assert_array_equal(in_memory.catalogue, on_disk.catalogue)
    assert in_memory.manifest.tables == on_disk.manifest.tables
    for split in ("train", "val", "test"):
        np.testing.assert_array_equal(in_memory.picks(split), on_disk.picks(split))


def test_an_error_while_writing_leaves_nothing_behind(tmp_path: Path) -> None:
    class LostSourceError(Exception):
        pass

    def breaks_off() -> None:
        with ScenarioSetWriter(tmp_path / "set", ORIGIN) as writer:
            writer.add(several(BLOCK + 1))
            raise LostSourceError

    with pytest.raises(LostSourceError):
        breaks_off()
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_never_overwritten(tmp_path: Path) -> None:
    folder = written(tmp_path / "set", several(2))
    before = hashes(folder)
    with pytest.raises(ConflictError, match="never overwritten"):
        ScenarioSetWriter(folder, ORIGIN)
    assert hashes(folder) == before


def test_a_set_without_scenarios_is_refused_with_the_reasons(tmp_path: Path) -> None:
    with (
        pytest.raises(DataError, match="no_route 2"),
        ScenarioSetWriter(tmp_path / "set", ORIGIN) as writer,
    ):
        writer.reject("no_route", 2)
    assert list(tmp_path.iterdir()) == []


def test_rejects_are_counted_in_the_manifest(tmp_path: Path) -> None:
    with ScenarioSetWriter(tmp_path / "set", ORIGIN) as writer:
        writer.add(several(2))
        writer.reject("jump")
        writer.reject("jump")
    assert load(tmp_path / "set").manifest.rejects == {"jump": 2}


def test_every_column_has_its_own_file(tmp_path: Path) -> None:
    folder = written(tmp_path / "set", several(1))
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    columns = {file_name(name) for name in COLUMNS}
    assert files == columns | {"manifest.json", "scenarios.npy"}
