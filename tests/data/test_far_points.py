"""A point beyond the Earth makes a file unfit, before anything is as large as it says."""

from pathlib import Path

import pytest

from drivetrain.data.converters import argoverse, commonroad
from drivetrain.data.converters.contract import UnfitFileError
from tests.data.argoverse_builder import Log, Thing, straight
from tests.data.builders import Car, commonroad_2018b, file_with


@pytest.mark.parametrize("far_m", ["1e9", "-1e308"])
def test_a_commonroad_file_with_a_far_point_is_unreadable(tmp_path: Path, far_m: str) -> None:
    whole = commonroad_2018b((Car(7, 30.0, 0.0, 8.0, 21),))
    file = file_with(tmp_path, whole.replace("<x>60.0</x>", f"<x>{far_m}</x>"))
    assert far_m in file.read_text(encoding="utf-8")
    with pytest.raises(UnfitFileError, match=r"^unreadable$"):
        list(commonroad.scenarios_of(file))


@pytest.mark.parametrize("far_m", [1e9, -1e308])
def test_an_argoverse_map_with_a_far_point_is_unreadable(tmp_path: Path, far_m: float) -> None:
    log = driven()
    next(iter(log.map["lane_segments"].values()))["left_lane_boundary"][0]["x"] = far_m
    assert reason(log, tmp_path) == "unreadable_map"


@pytest.mark.parametrize(
    ("column", "far", "told"),
    [("tx_m", 1e9, "out_of_this_world"), ("qw", 1e300, "bad_rotation")],
)
def test_an_argoverse_log_with_a_far_pose_is_unfit(
    tmp_path: Path, column: str, far: float, told: str
) -> None:
    log = driven()
    log.poses[0][column] = far
    assert reason(log, tmp_path) == told


def driven() -> Log:
    log = Log((Thing("x", straight(20.0, 0.0, 5.0), "BUS"),))
    log.fill()
    return log


def reason(log: Log, folder: Path) -> str:
    with pytest.raises(UnfitFileError) as unfit:
        list(argoverse.scenarios_of(log.store(folder / "log")))
    return str(unfit.value)
