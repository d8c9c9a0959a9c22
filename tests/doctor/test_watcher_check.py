"""What doctor says of the watcher."""

from pathlib import Path

import pytest

from drivetrain.doctor import watcher
from drivetrain.doctor.watcher import check_watcher


def test_a_watcher_whose_test_event_arrives_is_well(tmp_path: Path) -> None:
    (found,) = check_watcher(tmp_path)
    assert (found.level, found.says) == (
        "ok",
        "The watcher starts, and its test event arrives.",
    )


@pytest.mark.parametrize(
    ("child", "said"),
    [
        (("-m", "skill", "watch", "nobody"), "There is no run `nobody`"),
        (("-c", "print('{\"event\": 5}')"), "(5)"),
    ],
)
def test_a_watcher_that_tells_something_else_is_named(
    child: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher, "CHILD", child)
    monkeypatch.setenv("DRIVETRAIN_HOME", str(tmp_path / "home"))
    (found,) = check_watcher(tmp_path)
    assert found.level == "warning"
    assert said in found.says
    assert "`/train watch --test`" in found.do
