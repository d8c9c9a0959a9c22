"""Whether the watcher that chats hear of runs by says what it should."""

from collections.abc import Iterator
from pathlib import Path

from drivetrain.doctor.child import NoAnswerError, ask
from drivetrain.doctor.finding import Finding
from drivetrain.text import plain

CHILD = ("-m", "skill", "watch", "--test", "--json")
PATIENCE_S = 30.0


def check_watcher(_home: Path) -> Iterator[Finding]:
    """Whether a watcher starts, and its test event arrives."""
    try:
        told = ask(CHILD, PATIENCE_S).get("event")
    except NoAnswerError as error:
        told = plain(str(error), 120)
    if told == "test":
        yield Finding("watcher", "ok", "The watcher starts, and its test event arrives.")
        return
    yield Finding(
        "watcher",
        "warning",
        f"The watcher told no test event ({told}): chats hear nothing of runs unasked.",
        "See what `/train watch --test` says; `/train status` tells the same when asked.",
    )
