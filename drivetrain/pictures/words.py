"""What pictures say of a recording, in words."""

import math
from typing import Final

from drivetrain.pictures.metric_words import NOT_KNOWN
from drivetrain.pictures.recording import FAILURES, Recording
from drivetrain.sim.config import STEP_S
from drivetrain.text import plain

END_WORDS: Final = {
    "collision_front": "Ran into somebody",
    "collision_rear": "Was hit from behind",
    "collision_side": "Collided at the side",
    "collision_static": "Hit something that stood",
    "off_road": "Left the road",
    "route_end": "Drove the whole route",
    "time": "Time was up",
    "red_light": "Ran a red light",
}

Badge = tuple[str, str, str]
"""A name, a value, and `good`, `bad` or neither."""


def end_words(recording: Recording) -> str:
    """How the drive ended."""
    reason = recording.outcome.end_reason
    return END_WORDS.get(reason, reason.replace("_", " "))


def about(recording: Recording) -> str:
    """Who drove what, among whom, and where it comes from."""
    facts = recording.facts
    seconds = (recording.frames - 1) * STEP_S
    words = (
        facts["type"],
        f"driven by {recording.driver}",
        f"traffic {recording.traffic}",
        f"{seconds:.1f} s",
        f"{facts['split']} split",
        facts["source"],
        f"licence {facts['licence']}",
    )
    return " · ".join(plain(word) for word in words)


def badges(recording: Recording) -> list[Badge]:
    """How the drive ended and how good it was."""
    outcome = recording.outcome
    failed = outcome.end_reason.startswith(FAILURES)
    found: list[Badge] = [("", end_words(recording), "bad" if failed else "")]
    if outcome.collision and not failed:
        found.append(("", "Collided on the way", "bad"))
    if outcome.off_road and not failed:
        found.append(("", "Left the road on the way", "bad"))
    if outcome.red_lights and outcome.end_reason != "red_light":
        count = outcome.red_lights
        found.append(
            ("", "Ran a red light" if count == 1 else f"Ran {count} red lights", "bad")
        )
    if outcome.at_fault:
        found.append(("", "At fault", "bad"))
    found.append(
        ("", "Success", "good") if outcome.success else ("", "No success", "bad"),
    )
    numbers = {
        "Score": f"{outcome.score:.2f}" if math.isfinite(outcome.score) else NOT_KNOWN,
        "Progress": f"{100 * outcome.progress:.0f} %",
        "Reward": f"{outcome.reward:.2f}",
        "Mean speed": f"{outcome.mean_speed_mps:.1f} m/s",
    }
    return found + [(name, value, "") for name, value in numbers.items()]
