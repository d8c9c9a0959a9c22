"""`status.json`: where a run stands, replaced every second.

A full disk takes no new file, but it takes this one's content again: the watchdog must hear of
a trainer whose disk is full.
"""

import json
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import psutil

from drivetrain.runs.atomic import swap_file
from drivetrain.runs.boot import this_boot
from drivetrain.runs.folder import RunFolder


class StatusFile:
    """The file, and what the process that writes it uses itself."""

    def __init__(self, folder: RunFolder) -> None:
        self._path = folder.status
        self._process = psutil.Process()
        self._boot_id = this_boot().id
        self._seq = 0
        self._turn = threading.Lock()

    def publish(self, facts: Mapping[str, Any]) -> None:
        """Show these facts; a disk that takes nothing shows the last ones."""
        with self._turn, suppress(OSError, psutil.Error):
            self._seq += 1
            own = {
                "v": 1,
                "seq": self._seq,
                "boot_id": self._boot_id,
                "cpu": self._process.cpu_percent(),
                "rss": self._process.memory_info().rss,
            }
            text = json.dumps({**own, **facts})
            try:
                swap_file(self._path, text)
            except OSError:
                self._write_over(text)

    def _write_over(self, text: str) -> None:
        """Put a text into the file that is there; a reader may see half of it."""
        with self._path.open("r+b") as file:
            file.write(text.encode())
            file.truncate()
