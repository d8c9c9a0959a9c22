"""Lines of a run's log → Markdown. Pure, and light: the first line should come at once."""

from collections.abc import Sequence

from drivetrain.runs.look import Run
from skill.facts import state_word
from skill.report import Report
from skill.table import log_block, untrusted


def logs_report(run: Run, lines: Sequence[str], grep: str | None) -> Report:
    """Lines of a run's log, marked as what they are."""
    if not lines:
        holding = f" with {untrusted(grep)}" if grep else ""
        state = state_word(run.state)
        text = f"The log of run `{run.id}` has no line{holding}; state of the run: {state}."
    else:
        text = log_block(run.id, lines)
    return Report(text, {"run": run.id, "state": state_word(run.state), "lines": list(lines)})
