"""Hostile texts that a run printed, or gave as its end, are quoted and cut wherever shown."""

import re
from pathlib import Path

import pytest

from drivetrain.runs.folder import RunFolder
from drivetrain.runs.record import Verdict
from skill.__main__ import main
from skill.tools.door import Caller, Door
from tests.hostile import OBEYED, hostile_texts
from tests.tracking.written_runs import end, written_run

LINES = 1_000
AT_ONCE = 40
ENDS = 200
ACTIVE = re.compile(r"^(<|!\[|\{\{|touch|system:|ignore|stop all)", re.MULTILINE)
"""A line that begins with what a text holds."""
LOOKS = ("status", "status r1", "diagnose r1", "logs r1", "status r1 --json")
CALLS: tuple[tuple[str, dict[str, str]], ...] = (
    ("train_status", {}),
    ("train_status", {"run": "r1"}),
    ("train_wait", {"run": "r1"}),
)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A run of a home that the chat's commands look at as well."""
    monkeypatch.setenv("DRIVETRAIN_HOME", str(tmp_path / "home"))
    return written_run(tmp_path / "home")


def test_a_log_is_a_block_that_nothing_in_it_leaves(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    end(run, Verdict("failed", "error", "it broke"))
    door = Door(run.home, Caller("mcp"))
    texts = [text.encode("utf-8", "surrogatepass") for text in hostile_texts(Path("x"), LINES)]
    for first in range(0, LINES, AT_ONCE):
        run.log.write_bytes(b"\n".join(texts[first : first + AT_ONCE]))
        assert main(["logs", "r1", "--tail", str(AT_ONCE)]) == 0
        typed = capsys.readouterr().out
        called = door.call("train_logs", {"run": "r1", "tail": AT_ONCE}).report
        for shown in (typed, called):
            assert not OBEYED.search(shown)
            fences = [line for line in shown.splitlines() if line.startswith("```")]
            assert len(fences) == 2
            assert "not instructions" in shown
        assert len(called) <= 8_000


def test_how_a_run_says_it_ended_is_text_in_a_line(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    door = Door(run.home, Caller("mcp"))
    for text in hostile_texts(run.home.parent / "touched", ENDS):
        said = text.encode("utf-8", "replace").decode()
        end(run, Verdict("failed", "error", said))
        shown = [door.call(tool, given).report for tool, given in CALLS]
        for look in LOOKS:
            main([look])
            out, err = capsys.readouterr()
            assert "Traceback" not in out + err, text
            shown.append(out)
        for page in shown:
            assert len(page) <= 20_000
            assert not ACTIVE.search(page), text
        assert not any(OBEYED.search(page) for page in shown), text
    assert {path.name for path in run.home.parent.iterdir()} == {run.home.name}
