"""The page of a run that began with another training says so."""

from pathlib import Path

from drivetrain.runs.folder import RunFolder
from drivetrain.runs.look import Asked, Run
from drivetrain.runs.plan import Plan
from drivetrain.runs.progress import Progress
from drivetrain.runs.record import Running
from skill.run_page import Page, run_report

NOW = 1_000_000.0


def text_of(attempt: int = 1, lineage: dict[str, object] | None = None) -> str:
    warming = Progress(attempt, "bc", 0, total=1_000, stage_step=250.0, stage_total=1_000.0)
    folder = RunFolder(Path("/drive/experiments"), "h")
    run = Run("h", "HYBRID", NOW, Running(attempt), warming, folder)
    asked = Asked("HYBRID", "d" * 64, NOW, {"data": None}, ("python",), Plan())
    return run_report(Page(run, asked, (), None, NOW, lineage=lineage, from_step=0)).markdown


def test_a_warm_up_tells_how_far_it_is() -> None:
    assert "- State: running (bc, 25% done)\n" in text_of()
    assert "- Attempt: 2, in its warm-up\n" in text_of(attempt=2)


def test_what_it_came_from_is_told_by_hashes_and_never_as_markup() -> None:
    policy = {"algorithm": "BC", "step": 500_000, "sha256": "ab" * 32}
    shown = {"driver": "[x](http://y)", "episodes": 448, "sha256": "cd" * 32}
    text = text_of(lineage={"imitated": policy, "demonstrations": shown})
    assert f"- Imitates by: a policy of `BC`, step 500K, hash `{'ab' * 6}`\n" in text
    assert f"- Demonstrations: 448 episodes of `[x](http://y)`, hash `{'cd' * 6}`\n" in text
