"""What is wrong with a run's learning, in words: findings → Markdown. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from drivetrain.numbers import short_count, short_number
from drivetrain.runs.look import Asked, Run
from drivetrain.text import quote, typed
from skill.report import Facts, Report
from skill.table import table
from trainers.diagnosis.case import Finding
from trainers.diagnosis.rules import Diagnosis

TITLES = {
    "unlearning": "drives worse than it did",
    "explosion": "numbers exploded",
    "collapse": "stopped exploring",
    "noise": "acts by chance",
    "greedy": "updates go too far",
    "clipped": "updates are clipped away",
    "blind_critic": "value function explains nothing",
    "overestimation": "critics expect too much",
    "temperature": "entropy coefficient at its end",
    "overfitting": "learns by heart",
    "drift": "predicts better and drives worse",
    "strong_discriminator": "discriminator too strong",
    "weak_discriminator": "discriminator guesses",
    "forgetting": "drives worse than what it imitated",
    "unimproved": "nothing better than what it imitated",
    "tethered": "hardly moves from what it imitated",
    "variable_horizon": "living long looks like driving well",
    "overcautious": "takes hardly anything for safe",
    "uncalibrated": "its risk is not what happens",
    "idle_filter": "takes everything for safe",
    "saturated": "actions at the end of their range",
    "plateau": "no longer gets better",
    "best_long_ago": "best policy is old",
    "simulator_bound": "simulator takes most time",
    "learner_bound": "updates take most time",
}
"""What each rule finds, in a few words."""


def diagnosis_report(run: Run, asked: Asked | None, diagnosis: Diagnosis) -> Report:
    """What `diagnose` answers."""
    step = run.progress.step if run.progress else None
    command = _command(run, diagnosis.problems or diagnosis.findings)
    parts = [
        f"## Diagnosis of run {run.id}",
        f"{run.algorithm} at step {short_count(step)}. {_summary(diagnosis)}",
        *(_finding_part(asked, finding) for finding in diagnosis.findings),
        f"Try: `{command}`" if command else "",
        _seen_part(diagnosis),
    ]
    facts: Facts = {
        "run": run.id,
        "algorithm": run.algorithm,
        "step": step,
        "is_healthy": bool(diagnosis.seen) and not diagnosis.problems,
        "findings": [asdict(finding) for finding in diagnosis.findings],
        "command": command,
        "seen": dict(diagnosis.seen),
    }
    return Report("\n\n".join(part for part in parts if part), facts)


def health_line(run: Run, diagnosis: Diagnosis) -> str:
    """The same in a line for the page of the run; empty where nothing is known yet."""
    if not diagnosis.seen:
        return ""
    names = [TITLES[finding.rule] for finding in diagnosis.findings]
    if not names:
        return f"- Health: nothing wrong in {len(diagnosis.seen)} numbers"
    return f"- Health: {'; '.join(names)}. More: `/train diagnose {run.id}`"


def _summary(diagnosis: Diagnosis) -> str:
    if not diagnosis.seen:
        return "It has told no numbers yet; they come with its first update and evaluation."
    problems, notes = len(diagnosis.problems), len(diagnosis.findings)
    if problems:
        return "1 problem:" if problems == 1 else f"{problems} problems, the gravest first:"
    if notes:
        return "It learns soundly; worth knowing:"
    return f"It learns soundly: nothing is wrong in the {len(diagnosis.seen)} numbers below."


def _finding_part(asked: Asked | None, finding: Finding) -> str:
    lines = [
        f"### {finding.weight.capitalize()}: {TITLES[finding.rule]}",
        "",
        f"{finding.text}.",
    ]
    lines += [
        f"- `{change.path}`: from {_value(asked, change.path)} to `{change.value}`"
        for change in finding.changes
    ]
    return "\n".join(lines)


def _value(asked: Asked | None, path: str) -> str:
    value: Any = asked.request if asked else None
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return "unset" if value is None else quote(str(value))


def _command(run: Run, findings: Iterable[Finding]) -> str | None:
    """The same run with what should be changed, under a new name; the gravest finding rules."""
    changes: dict[str, str] = {}
    for finding in findings:
        for change in finding.changes:
            changes.setdefault(change.path, change.value)
    if not changes:
        return None
    words = " ".join(f"--set {path}={value}" for path, value in changes.items())
    config, name = typed(str(run.folder.config)), f"{run.id[:58]}_next"
    return f"/train {run.algorithm.lower()} --config {config} {words} --run-id {name}"


def _seen_part(diagnosis: Diagnosis) -> str:
    if not diagnosis.seen:
        return ""
    rows = list(_seen_rows(diagnosis))
    return f"Looked at (newest values):\n\n{table(('Number', 'Value'), rows)}"


def _seen_rows(diagnosis: Diagnosis) -> Iterator[tuple[str, str]]:
    for name, value in diagnosis.seen.items():
        yield f"`{name}`", f"{value:.3g}" if abs(value) < 1 else short_number(value)
