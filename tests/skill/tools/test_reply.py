"""Replies within their budgets, whatever the home holds."""

from pathlib import Path
from shutil import copytree

from drivetrain.runs.folder import RunFolder
from drivetrain.runs.record import Verdict
from skill.report import Report
from skill.tools.reply import bounded, reply_of
from tests.skill.tools.conftest import Opened
from tests.tracking.written_runs import end, tell, written_run


def tokens(text: str) -> float:
    return len(text) / 4


def test_all_runs_of_a_long_life_fit_into_a_reply(home: Path, opened: Opened) -> None:
    first = written_run(home, "run_with_quite_a_long_name_000")
    tell(first, 100, reward=1.0)
    end(first, Verdict("failed", "host_oom", "ran out of memory"))
    for number in range(1, 500):
        copytree(first.path, RunFolder(home, f"run_with_quite_a_long_name_{number:03}").path)
    concise = opened().call("train_status", {})
    assert tokens(concise.model_dump_json(exclude_none=True)) <= 900
    assert tokens(concise.report) <= 600
    assert concise.report.endswith(" more lines; `train_status(detail='detailed')` shows more.")
    detailed = opened().call("train_status", {"detail": "detailed"})
    assert tokens(detailed.model_dump_json()) <= 2_900


def test_what_is_cut_says_so_by_whole_lines_and_closes_its_block() -> None:
    text = "\n".join(["```text", *(f"line {n}" for n in range(500)), "```"])
    cut, is_cut = bounded(text, 400)
    assert is_cut
    assert len(cut) <= 400
    assert cut.count("```") == 2
    assert "more lines" in cut.splitlines()[-1]
    assert bounded("short", 400) == ("short", False)


def test_facts_come_only_when_asked_for_and_only_whole() -> None:
    report = Report("text", {"run": "a", "numbers": list(range(10))})
    assert reply_of("train_status", report, "concise").facts is None
    assert reply_of("train_status", report, "detailed").facts == report.facts
    large = Report("text", {"run": "a", "numbers": list(range(10_000))})
    reply = reply_of("train_status", large, "detailed")
    assert (reply.facts, reply.truncated, reply.run_ids) == (None, True, ("a",))
