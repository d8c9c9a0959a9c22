"""Demonstrations in Markdown or as plain facts."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from drivetrain.data.demonstrations import DemonstrationManifest, read_demonstration_manifest
from drivetrain.sim.config import STEP_S
from drivetrain.text import plain, quote, typed

SHOWN = {
    "success": ("Success", "share"),
    "score": ("Score", "number"),
    "progress": ("Progress", "share"),
    "reward": ("Reward", "number"),
    "replay_error_m": ("Distance from the log, mean of the worst of each episode", "m"),
    "worst_replay_error_m": ("Distance from the log, worst", "m"),
    "clipped": ("Actions beyond what can be asked for, clipped", "share"),
}


def demonstration_facts(folder: Path) -> dict[str, Any]:
    """What the manifest says, without its hashes."""
    facts = asdict(read_demonstration_manifest(folder))
    del facts["files"], facts["format"], facts["version"]
    return {"folder": str(folder), **facts}


def demonstration_report(folder: Path) -> str:
    """What demonstrations hold and how good they are, with the next command."""
    manifest = read_demonstration_manifest(folder)
    set_ = "the built-in scenarios" if manifest.scenario_set is None else manifest.scenario_set
    pushed = (
        f", pushed off its line by {manifest.noise:g} of an action (the quality is that of the "
        "pushed drives)"
        if manifest.noise
        else ""
    )
    seconds = manifest.transitions * STEP_S
    return "\n".join(
        [
            f"## Demonstrations {quote(str(folder), 200)}",
            "",
            "| Quality | Value |",
            "|---------|------:|",
            *_quality_rows(manifest),
            "",
            f"- Driver: {manifest.driver} amid {manifest.traffic} traffic{pushed}",
            f"- Driven in: {quote(set_, 200)}",
            f"- Episodes: {manifest.episodes:,}, {manifest.transitions:,} transitions "
            f"({_tally(manifest.splits)}), {seconds / 3600:.2f} h",
            f"- Left out: {_tally(manifest.left_out) or 'none'}",
            f"- Licences: {_tally(manifest.licences)}",
            f"- Layout: observation {manifest.observation} "
            f"({manifest.observation_size} numbers), actions {manifest.actions} "
            f"({manifest.action_size}), actuators {manifest.actuators}",
            "",
            f"Next: `/train bc --data {typed(str(folder))} --run-id bc_v1`",
        ]
    )


def _quality_rows(manifest: DemonstrationManifest) -> list[str]:
    told = manifest.quality
    return [
        f"| {title} | {_value(told[name], unit)} |"
        for name, (title, unit) in SHOWN.items()
        if name in told
    ]


def _value(value: float, unit: str) -> str:
    match unit:
        case "share":
            return f"{100 * value:.1f} %"
        case "m":
            return f"{value:.2f} m"
        case _:
            return f"{value:.2f}"


def _tally(counts: dict[str, int]) -> str:
    told = {name: count for name, count in counts.items() if count}
    return ", ".join(f"{plain(name)} {count:,}" for name, count in told.items())
