"""What `doctor` answers: findings → Markdown. Pure."""

from drivetrain.doctor.examine import Examination
from drivetrain.doctor.finding import Finding, Level
from skill.report import Facts, Report

MOST_SHOWN = 10
PROBLEMS_LEFT = 5
TITLES: dict[Level, str] = {"problem": "Problems", "warning": "Warnings", "ok": "Fine"}


def doctor_report(examination: Examination) -> Report:
    """Everything that was checked, what is worst first."""
    parts = [f"## Doctor: {_summary(examination)}"]
    if examination.repairs:
        repairs = _shown([f"- {said}" for said in examination.repairs])
        parts.append("\n".join(["### Repairs", *repairs]))
    for level, title in TITLES.items():
        findings = examination.at(level)
        if findings:
            lines = [_line(finding) for finding in findings]
            lines = lines if level == "ok" else _shown(lines)
            parts.append("\n".join([f"### {title}", *lines]))
    parts.append(f"Next: {_next(examination)}.")
    exit_code = PROBLEMS_LEFT if examination.at("problem") else 0
    return Report("\n\n".join(parts), _facts(examination), exit_code)


def _summary(examination: Examination) -> str:
    counts = [
        f"{count} {word}{'s' if count > 1 else ''}"
        for word in ("problem", "warning")
        if (count := len(examination.at(word)))
    ]
    return " and ".join(counts) or "all is well"


def _line(finding: Finding) -> str:
    do = f" {finding.do}" if finding.do else ""
    return f"- {finding.check}: {finding.says}{do}"


def _shown(lines: list[str]) -> list[str]:
    """As many as a chat should show: a home may hold a thousand runs with the same damage."""
    left = len(lines) - MOST_SHOWN
    if left <= 0:
        return lines
    return [*lines[:MOST_SHOWN], f"- … and {left} more: `/train doctor --json` lists all."]


def _next(examination: Examination) -> str:
    repairable = sum(finding.repair is not None for finding in examination.findings)
    if repairable:
        return f"`/train doctor --fix` repairs {repairable} of these"
    if examination.at("problem"):
        return "what the problems say, then `/train doctor` again"
    return "`/train status`"


def _facts(examination: Examination) -> Facts:
    return {
        "problems": len(examination.at("problem")),
        "warnings": len(examination.at("warning")),
        "repairs": list(examination.repairs),
        "findings": [
            {
                "check": finding.check,
                "level": finding.level,
                "says": finding.says,
                "do": finding.do,
                "repairable": finding.repair is not None,
            }
            for finding in examination.findings
        ],
    }
