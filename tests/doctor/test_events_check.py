"""Doctor finds lines of events that nobody can read, whatever they hold."""

from pathlib import Path

from drivetrain.doctor.events import check_events
from tests.tracking.written_runs import tell, written_run


def test_a_line_that_is_nested_without_end_is_damaged(tmp_path: Path) -> None:
    folder = written_run(tmp_path)
    tell(folder, 10, reward=1.0)
    with folder.events.open("ab") as events:
        events.write(b"[" * 10_000 + b"\n")
    (found,) = check_events(tmp_path)
    assert (found.level, found.says.count("`events.jsonl`")) == ("warning", 1)
