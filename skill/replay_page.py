"""What `replay` answers: facts → Markdown. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from drivetrain.numbers import percent, short_number
from drivetrain.text import typed
from skill.report import Report
from skill.table import table, untrusted


def replay_report(driver: str, facts: Mapping[str, Any]) -> Report:
    """Which scenarios were drawn, how each ended, and where the files are."""
    replays = facts.get("replays") or ()
    has_scores = any(replay.get("score") is not None for replay in replays)
    score = ("Score",) if has_scores else ()
    header = ("Scenario", "Ended", "After", "Progress", "Reward", *score, "Page", "Image")
    rows = [_row(replay, has_scores=has_scores) for replay in replays]
    entry = facts.get("index") or (replays[0].get("page") if replays else None)
    lines = [
        f"## Replays of {untrusted(str(facts.get('driver', driver)), 80)}",
        "",
        table(header, rows),
        "",
        f"- Folder: {untrusted(str(facts.get('folder', '')), 300)}",
        f"- Open in a browser: {untrusted(str(entry), 300)}; the pages need no network",
        *_sheet_line(facts.get("sheet")),
        f"- Data: {untrusted(str(facts.get('data', '')), 200)}, licence {_licences(replays)}",
        "",
        f"Next: `/train eval {driver}`, or `/train replay {driver} --scenario "
        f"{_some_scenario(replays)}`",
    ]
    return Report("\n".join(lines), dict(facts))


def _sheet_line(sheet: object) -> Sequence[str]:
    if not sheet:
        return ()
    return (f"- How each ended, in one picture: {untrusted(_file(sheet), 120)}",)


def _row(replay: Mapping[str, Any], *, has_scores: bool) -> Sequence[str]:
    score = (short_number(replay.get("score")),) if has_scores else ()
    mark = "" if replay.get("success") else ", no success"
    return (
        untrusted(str(replay.get("scenario", "")), 80),
        f"{replay.get('ended', '?')}{mark}",
        f"{replay.get('seconds', '?')} s",
        percent(replay.get("progress")),
        short_number(replay.get("reward")),
        *score,
        untrusted(_file(replay.get("page")), 120),
        untrusted(_file(replay.get("image")), 120),
    )


def _file(path: object) -> str:
    return str(path or "").rsplit("/", 1)[-1]


def _licences(replays: Sequence[Mapping[str, Any]]) -> str:
    names = sorted({str(replay.get("licence", "")) for replay in replays})
    return ", ".join(untrusted(name, 60) for name in names) or "unknown"


def _some_scenario(replays: Sequence[Mapping[str, Any]]) -> str:
    return typed(str(replays[-1].get("scenario", ""))) if replays else "ID"
