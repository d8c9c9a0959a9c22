"""Where a command acts."""

from dataclasses import dataclass
from pathlib import Path
from typing import TextIO


@dataclass(frozen=True, slots=True)
class Room:
    """Where a command acts.  home: of the runs.  notify: for progress and notes, never data."""

    home: Path
    notify: TextIO
