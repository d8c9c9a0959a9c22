"""Curves in a TensorBoard folder: one line over all attempts, whatever the disk does."""

import subprocess
import sys
from pathlib import Path

from stable_baselines3.common.logger import Logger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from drivetrain.settings import PROJECT
from trainers.tensorboard import TensorBoard


class Frozen:
    """A clock that stands still."""

    def wall(self) -> float:
        return 1_700_000_000.0

    def mono(self) -> float:
        return 0.0


def curve(folder: Path, name: str) -> list[tuple[int, float]]:
    """Steps and values as TensorBoard shows them."""
    accumulator = EventAccumulator(str(folder))
    accumulator.Reload()
    return [(point.step, point.value) for point in accumulator.Scalars(name)]


def draw(folder: Path, steps: range, value: float, resumed_at: int = 0) -> None:
    """One attempt's curve."""
    curves = TensorBoard(folder, resumed_at)
    logger = Logger(folder=None, output_formats=[curves])
    for step in steps:
        logger.record("rollout/reward", value)
        logger.record("time/hidden", 1.0, exclude="tensorboard")
        logger.dump(step)
    curves.close()


def test_what_is_recorded_is_shown_at_its_step(tmp_path: Path) -> None:
    draw(tmp_path / "logs", range(1, 4), 2.0)
    assert curve(tmp_path / "logs", "rollout/reward") == [(1, 2.0), (2, 2.0), (3, 2.0)]
    accumulator = EventAccumulator(str(tmp_path / "logs"))
    accumulator.Reload()
    assert accumulator.Tags()["scalars"] == ["rollout/reward"]


def test_points_are_there_before_the_file_is_closed(tmp_path: Path) -> None:
    curves = TensorBoard(tmp_path)
    logger = Logger(folder=None, output_formats=[curves])
    logger.record("rollout/reward", 1.0)
    logger.dump(5)
    assert curve(tmp_path, "rollout/reward") == [(5, 1.0)]
    curves.close()


def test_a_resumed_run_drops_what_lay_beyond_the_step_it_went_on_from(tmp_path: Path) -> None:
    draw(tmp_path, range(1, 7), 1.0)
    draw(tmp_path, range(4, 6), 2.0, resumed_at=3)
    assert curve(tmp_path, "rollout/reward") == [
        *((step, 1.0) for step in (1, 2, 3)),
        *((step, 2.0) for step in (4, 5)),
    ]


def test_attempts_keep_their_order_though_the_clock_stands_still(tmp_path: Path) -> None:
    for attempt in range(3):
        file = TensorBoard(tmp_path, 0, Frozen())
        file.draw(1, {"reward": float(attempt)})
        file.close()
    assert curve(tmp_path, "reward") == [(1, 2.0)]


def test_a_disk_that_fills_up_tears_nothing_and_costs_no_point_once_it_is_free(
    tmp_path: Path,
) -> None:
    # A limit on the size of a file is met in the same way, in the middle of a record.
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from trainers.tensorboard import TensorBoard\n"
        "file = TensorBoard(Path(sys.argv[1]))\n"
        "hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))\n"
        "for step in range(10): file.draw(step, {'reward': float(step)})\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))\n"
        "file.draw(10, {'reward': 10.0}); file.close()"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=PROJECT, check=True, timeout=60
    )
    assert curve(tmp_path, "reward") == [(step, float(step)) for step in range(11)]


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("in the way", encoding="utf-8")
    draw(tmp_path / "logs", range(1, 4), 2.0)
    assert (tmp_path / "logs").read_text(encoding="utf-8") == "in the way"
