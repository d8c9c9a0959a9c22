"""`status.json`: where a run stands, replaced every second."""

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
        """Show these facts; a disk that is full shows the last ones."""
        with self._turn, suppress(OSError):
            self._seq += 1
            own = {
                "v": 1,
                "seq": self._seq,
                "boot_id": self._boot_id,
                "cpu": self._process.cpu_percent(),
                "rss": self._process.memory_info().rss,
            }
            swap_file(self._path, json.dumps({**own, **facts}))
