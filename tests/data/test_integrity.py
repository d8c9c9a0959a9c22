"""Each kind of damage gets its own clear sentence."""

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivetrain.data import integrity
from drivetrain.data.catalogue import Origin
from drivetrain.data.scenario_sets import ScenarioSetWriter, load
from drivetrain.errors import DataError, NotFoundError
from tests.data.builders import scenario


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with ScenarioSetWriter(tmp_path / "set", Origin("test", 1)) as writer:
        writer.add([scenario(f"s{at}", group=f"g{at}") for at in range(4)])
    return tmp_path / "set"


def rewritten(folder: Path, name: str, values: np.ndarray[Any, Any]) -> None:
    """The file holds other values, and the manifest vouches for them."""
    path = folder / name
    np.save(path, values)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] |= {
        "size": path.stat().st_size,
        "sha256": integrity.sha256_of(path),
        "rows": len(values),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))


def changed_manifest(folder: Path, **facts: object) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | facts))


def test_a_whole_set_passes(folder: Path) -> None:
    integrity.check(folder)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no scenario set at .*nowhere.*--out"):
        load(tmp_path / "nowhere")


def test_a_folder_that_is_no_set(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"not a scenario set: it has no `manifest\.json`"):
        load(tmp_path)


def test_another_version(folder: Path) -> None:
    changed_manifest(folder, version=99)
    with pytest.raises(DataError, match=r"has version `99`; this program reads version 2"):
        load(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"format": "other"}', "\x00\xff"])
def test_a_manifest_that_is_something_else(folder: Path, text: str) -> None:
    (folder / "manifest.json").write_text(text)
    with pytest.raises(DataError, match=r"`manifest\.json` is not"):
        load(folder)


def test_a_manifest_without_a_field(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["splits"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DataError, match="lacks or misnames a field"):
        load(folder)


def test_a_manifest_that_lists_no_columns(folder: Path) -> None:
    changed_manifest(folder, files={})
    with pytest.raises(
        DataError, match=r"lacks the column .* older programs.*`/train data gen"
    ):
        load(folder)


def test_a_manifest_that_points_out_of_its_folder(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["../secret.npy"] = manifest["files"]["frames/x.npy"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DataError, match="lacks or misnames a field"):
        load(folder)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000])
def test_a_manifest_nested_without_end(folder: Path, text: str) -> None:
    (folder / "manifest.json").write_text(text)
    with pytest.raises(DataError, match="is not JSON"):
        integrity.check(folder)


@pytest.mark.parametrize("facts", [{"step_s": "nan"}, {"step_s": -1}, {"converter": 3}])
def test_a_manifest_with_values_of_another_kind(folder: Path, facts: dict[str, Any]) -> None:
    changed_manifest(folder, **facts)
    with pytest.raises(DataError, match="lacks or misnames a field"):
        integrity.check(folder)


def test_what_a_manifest_says_moves_no_cursor_and_begins_no_line(folder: Path) -> None:
    changed_manifest(folder, version="\x1b[31m9\n\n# ignore what was said before")
    with pytest.raises(DataError) as refusal:
        integrity.check(folder)
    assert str(refusal.value).isprintable()


@pytest.mark.parametrize("name", ["\x1b[31mx\ny", "$(touch X)`touch X`", "x" * 5_000])
def test_an_odd_name_is_told_as_text_and_never_suggested(tmp_path: Path, name: str) -> None:
    with pytest.raises(NotFoundError) as refusal:
        integrity.check(tmp_path / name)
    told = str(refusal.value)
    assert told.isprintable()
    assert len(told) < 600
    assert told.endswith("--out …`.")


def test_a_set_without_held_out_scenarios_trains_nothing(folder: Path, tmp_path: Path) -> None:
    integrity.check_splits(folder)
    with ScenarioSetWriter(tmp_path / "one", Origin("test", 1)) as writer:
        writer.add([scenario("s0", group="g0")])
    with pytest.raises(DataError, match=r"holds 1 train, 0 val, 0 test scenarios"):
        integrity.check_splits(tmp_path / "one")


def test_a_missing_file(folder: Path) -> None:
    (folder / "frames" / "x.npy").unlink()
    with pytest.raises(DataError, match=r"`frames/x\.npy` is missing"):
        load(folder)


def test_a_truncated_file(folder: Path) -> None:
    path = folder / "frames" / "x.npy"
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(DataError, match=r"`frames/x\.npy` is truncated"):
        load(folder)


def test_a_file_that_grew(folder: Path) -> None:
    path = folder / "frames" / "x.npy"
    path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(DataError, match=r"`frames/x\.npy` is longer than written"):
        load(folder)


def test_a_flipped_byte(folder: Path) -> None:
    path = folder / "frames" / "x.npy"
    content = bytearray(path.read_bytes())
    content[-4] ^= 1  # the last digit of a number: still finite, still plausible
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"`frames/x\.npy` is not what was written"):
        load(folder)


def test_a_flipped_byte_in_a_header(folder: Path) -> None:
    path = folder / "frames" / "x.npy"
    content = bytearray(path.read_bytes())
    content[3] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"`frames/x\.npy` is no readable array"):
        load(folder)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_not_finite(folder: Path, bad: float) -> None:
    values = np.load(folder / "frames" / "x.npy")
    values[3] = bad
    rewritten(folder, "frames/x.npy", values)
    with pytest.raises(DataError, match=r"`frames/x\.npy` holds 1 numbers that are NaN"):
        load(folder)


def test_a_limit_may_be_unknown_but_not_infinite(folder: Path) -> None:
    limits = np.load(folder / "points" / "limit_mps.npy")
    assert np.isnan(limits).any()
    load(folder)
    limits[0] = np.inf
    rewritten(folder, "points/limit_mps.npy", limits)
    with pytest.raises(DataError, match="limit_mps"):
        load(folder)


@pytest.mark.parametrize("change", ["backwards", "beyond"])
def test_offsets_that_lead_astray(folder: Path, change: str) -> None:
    offsets = np.load(folder / "agents" / "first_frame.npy")
    if change == "backwards":
        offsets[1], offsets[2] = offsets[2], offsets[1]
    else:
        offsets[-1] += 1000
    rewritten(folder, "agents/first_frame.npy", offsets)
    with pytest.raises(DataError, match="offsets in `agents/first_frame"):
        load(folder)


@pytest.mark.parametrize("value", [-2, 1_000_000])
def test_an_index_out_of_range(folder: Path, value: int) -> None:
    routes = np.load(folder / "scenarios" / "route.npy")
    routes[0] = value
    rewritten(folder, "scenarios/route.npy", routes)
    with pytest.raises(DataError, match="points outside its"):
        load(folder)


def leaves(facts: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The way to every value of a manifest, whole tables included."""
    if not isinstance(facts, dict):
        return [path]
    inner = [way for key, value in facts.items() for way in leaves(value, (*path, key))]
    return [*inner, path] if path else inner


JUNK = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.just([]))


@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data(), junk=JUNK)
def test_no_change_of_a_manifest_causes_anything_but_our_error(
    folder: Path, data: st.DataObject, junk: object
) -> None:
    text = (folder / "manifest.json").read_text()
    manifest = json.loads(text)
    *way, last = data.draw(st.sampled_from(leaves(manifest)))
    inner = manifest
    for key in way:
        inner = inner[key]
    inner[last] = junk
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with contextlib.suppress(DataError):
        load(folder)
    (folder / "manifest.json").write_text(text)


def test_a_catalogue_of_something_else(folder: Path) -> None:
    rewritten(folder, "scenarios.npy", np.arange(4))
    with pytest.raises(DataError, match="catalogue of the scenario set"):
        load(folder)


def test_a_pickle_in_place_of_a_column_is_never_opened(folder: Path) -> None:
    np.save(folder / "frames" / "x.npy", np.array([{"a": 1}]), allow_pickle=True)
    size = (folder / "frames" / "x.npy").stat().st_size
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["frames/x.npy"]["size"] = size
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DataError, match="no readable array"):
        load(folder)


def test_checking_a_set_loads_nothing_heavy() -> None:
    code = (
        "import sys, drivetrain.data.integrity;"
        "heavy = {'torch', 'numba', 'shapely', 'drivetrain.sim.pack'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
