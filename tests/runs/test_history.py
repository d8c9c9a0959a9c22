"""What the events of a run tell of its learning."""

from pathlib import Path

from drivetrain.runs.folder import RunFolder
from drivetrain.runs.history import read_history
from tests.tracking.written_runs import tell, written_run


def test_numbers_and_evaluations_stand_apart_by_their_steps(tmp_path: Path) -> None:
    folder = written_run(tmp_path)
    tell(folder, 10, reward=1.0, approx_kl=0.1, text="no number", is_odd=True)
    tell(folder, 20, "evaluated", reward=5.0)
    tell(folder, 20, "best", file="best.pt")
    tell(folder, 30, "warning", text="a gradient's norm was 9")
    history = read_history(folder)
    assert history.numbers == {"reward": [(10, 1.0)], "approx_kl": [(10, 0.1)]}
    assert history.evaluations == {"reward": [(20, 5.0)]}
    assert list(history.best_at) == [20]
    assert list(history.warnings) == [(30, "a gradient's norm was 9")]


def test_what_a_resume_went_back_behind_is_void(tmp_path: Path) -> None:
    folder = written_run(tmp_path)
    for step in (10, 20, 30):
        tell(folder, step, reward=float(step))
        tell(folder, step, "best")
    tell(folder, 20, "resumed")
    tell(folder, 30, reward=-1.0)
    history = read_history(folder)
    assert history.numbers["reward"] == [(10, 10.0), (20, 20.0), (30, -1.0)]
    assert list(history.best_at) == [10, 20]


def test_a_quick_look_reads_the_end_alone_and_only_whole_lines(tmp_path: Path) -> None:
    folder = written_run(tmp_path)
    for step in range(100):
        tell(folder, step, reward=float(step))
    size = folder.events.stat().st_size
    seen = read_history(folder, size // 4).numbers["reward"]
    assert 15 <= len(seen) <= 25
    assert seen[-1] == (99, 99.0)
    assert read_history(folder, 10 * size).numbers["reward"] == [
        (step, float(step)) for step in range(100)
    ]


def test_torn_lines_and_a_missing_file_tell_nothing(tmp_path: Path) -> None:
    assert read_history(RunFolder(tmp_path, "none")).numbers == {}
    folder = written_run(tmp_path)
    nested = "[" * 10_000
    folder.events.write_text(f'{{"step": 1, "event": "metrics", "rew\n[1]\n\n{nested}\n')
    tell(folder, 2, reward=2.0)
    assert read_history(folder).numbers == {"reward": [(2, 2.0)]}
