"""Where a command acts, and for whom."""

from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from drivetrain.runs.asker import Asker


@dataclass(frozen=True, slots=True)
class Room:
    """Where a command acts, and for whom.

    home: of the runs.  notify: for progress and notes, never data.  asked_by: None where
    nobody could start, stop or resume a run from here.
    """

    home: Path
    notify: TextIO
    asked_by: Asker | None = None
