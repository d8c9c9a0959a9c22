"""Learning curves: a TensorBoard folder per run."""

import io
import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from stable_baselines3.common.logger import KVWriter
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter
from typing_extensions import override

from drivetrain.clock import SYSTEM, Clock

PREFIX = "events.out.tfevents."
MOST_UNWRITTEN = 1_000_000
"""Bytes that wait for a full disk to be emptied; points beyond are dropped."""


class TensorBoard(KVWriter):
    """What stable-baselines3 dumps, as curves; a disk that is full never stops training.

    The writer that comes with torch waits for a thread, which a full disk ends.  This one is
    called once per rollout, where one short write costs less than handing it over.

    resumed_at: step from which the attempt goes on; TensorBoard drops what an earlier one drew
    beyond it.
    """

    def __init__(self, folder: Path, resumed_at: int = 0, clock: Clock = SYSTEM) -> None:
        self._folder = folder
        self._clock = clock
        self._file: io.FileIO | None = None
        self._unwritten = io.BytesIO()
        self._add(Event(file_version="brain.Event:2"))
        # Of the step itself everything was drawn before it was saved.
        start = SessionLog(status=SessionLog.START)
        self._add(Event(step=resumed_at + 1, session_log=start))

    @override
    def write(
        self,
        key_values: dict[str, Any],
        key_excluded: dict[str, tuple[str, ...]],
        step: int = 0,
    ) -> None:
        """Draw what stable-baselines3 recorded: the numbers that it does not hold back."""
        scalars = {
            name: float(value)
            for name, value in key_values.items()
            if isinstance(value, int | float | np.number)
            and "tensorboard" not in (key_excluded.get(name) or ())
        }
        self.draw(step, scalars)

    def draw(self, step: int, scalars: Mapping[str, float]) -> None:
        """Add a point to each of these curves."""
        if scalars and self._unwritten.tell() < MOST_UNWRITTEN:
            points = [Summary.Value(tag=tag, simple_value=y) for tag, y in scalars.items()]
            self._add(Event(step=step, summary=Summary(value=points)))
        self.flush()

    def flush(self) -> None:
        """Write what waits, whole or not at all: behind half a record nothing can be read."""
        try:
            if self._file is None:
                self._file = self._opened()
            whole = self._file.seek(0, os.SEEK_END)
            if self._file.write(self._unwritten.getbuffer()) == self._unwritten.tell():
                self._unwritten = io.BytesIO()
                return
            self._file.truncate(whole)
        except OSError:
            return

    @override
    def close(self) -> None:
        """Write what waits and close the file."""
        self.flush()
        if self._file is not None:
            with suppress(OSError):
                self._file.close()

    def _add(self, event: Event) -> None:
        event.wall_time = self._clock.wall()
        RecordWriter(self._unwritten).write(event.SerializeToString())

    def _opened(self) -> io.FileIO:
        """A new file, by its name behind all others: TensorBoard reads them in that order."""
        self._folder.mkdir(parents=True, exist_ok=True)
        times = [
            path.name.removeprefix(PREFIX)[:10] for path in self._folder.glob(f"{PREFIX}*")
        ]
        newest = max((int(time) for time in times if time.isdigit()), default=0)
        at = max(int(self._clock.wall()), newest + 1)
        name = f"{PREFIX}{at:010d}.{socket.gethostname()}.{os.getpid()}"
        return (self._folder / name).open("xb", buffering=0)
