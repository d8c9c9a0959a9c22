"""What a trainer tells about itself while it trains, and how it hears that it should stop.

Telling never stops training: a full disk or a silent GPU costs a line of telemetry, no more.
"""

import faulthandler
import math
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import Any, Self

from drivetrain.clock import SYSTEM, Clock
from drivetrain.machine import GpuReading, read_gpu
from drivetrain.runs.disk_watch import DiskWatch
from drivetrain.runs.events import append_line, finite, mend_end
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.locks import hold_for_life
from drivetrain.runs.pace import Pace, eta_s
from drivetrain.runs.phases import Phases
from drivetrain.runs.record import Reason
from drivetrain.runs.status_file import StatusFile
from drivetrain.runs.stop_sign import StopSign

STATUS_EVERY_S = 1.0
GPU_EVERY_S = 5.0
METRICS_EVERY_S = 1.0
LAST_LOOK_S = 10.0
"""How long the last status may take: a disk that hangs must not keep a trainer that is done."""


class RunTelemetry:
    """Writes `status.json` and `events.jsonl` of one attempt, and listens for its end.

    Use it as a context.  Entering, in the main thread and before anything heavy is imported,
    takes the trainer's lock, which stays until this process ends.

    tracker: how the mirror of this run in a tracker does, for the status: `on`, `off: <why>`.
    """

    def __init__(
        self,
        folder: RunFolder,
        attempt: int,
        *,
        first_step: int = 0,
        total: int | None = None,
        clock: Clock = SYSTEM,
    ) -> None:
        """first_step: shown until training tells where it begins.  total: steps."""
        self.tracker = "-"
        self._folder = folder
        self._attempt = attempt
        self._total = total
        self._eval_every: int | None = None
        self._save_every_s: float | None = None
        self._clock = clock
        self._guard = threading.RLock()
        self._phases = Phases("import", clock.mono())
        self._pace = Pace(first_step)
        self._trained_until = clock.mono()
        self._step = first_step
        self._numbers: dict[str, float | None] = {}
        self._untold: dict[str, float | None] = {}
        self._told_at = -math.inf
        self._gpu: GpuReading | None = None
        self._gpu_id: str | None = None
        self._stop = StopSign(folder, attempt, clock)
        self._status = StatusFile(folder)
        self._disk = DiskWatch(folder, clock)
        self._dropped = 0
        self._closed = threading.Event()
        self._news = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        hold_for_life(self._folder.trainer_lock)
        self._stop.listen()
        dump_stacks_on_signal(self._folder)
        with suppress(OSError):
            mend_end(self._folder)
        self._publish()
        self.event(self._step, "started")
        self._threads = [
            threading.Thread(target=self._keep_publishing, name="status", daemon=True),
            threading.Thread(target=self._keep_sampling, name="gpu", daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._news.set()
        self._threads[0].join(LAST_LOOK_S)
        if self._untold:
            self.event(self._step, "metrics", **self._untold)
        if not self._threads[0].is_alive():  # else it is that thread's turn to write
            self._publish()

    def expect(
        self, total: int, *, eval_every: int | None = None, save_every_s: float | None = None
    ) -> None:
        """Say how far training goes and how often it pauses, once that is known.

        total, eval_every: steps.  The pauses are part of the ETA.
        """
        with self._guard:
            self._total, self._eval_every = total, eval_every
            self._save_every_s = save_every_s

    def use_gpu(self, gpu_id: str | None) -> None:
        """Report this GPU, by its UUID or by its number; None for none."""
        self._gpu_id = gpu_id

    def begin_at(self, step: int) -> None:
        """Training goes on from this step: rates count from it, and later lines are void."""
        with self._guard:
            self._step, self._pace = step, Pace(step)
        if step > 0 or self._attempt > 1:  # one that starts over voids what it repeats
            self.event(step, "resumed")

    def write(self, step: int, numbers: Mapping[str, float]) -> None:
        """Record numbers of this step; `reward` and `best_reward` show up in the status."""
        told = {name: finite(number) for name, number in numbers.items()}
        with self._guard:
            now = self._clock.mono()
            if self._phases.begin_training(now):
                self._news.set()
            self._count_training(now)
            self._pace.reach(step)
            self._phases.check_in(now)
            self._step = step
            self._numbers |= told
            self._untold |= told
            if now - self._told_at < METRICS_EVERY_S:
                return
            untold, self._untold, self._told_at = self._untold, {}, now
        self.event(step, "metrics", **untold)

    def event(self, step: int, name: str, **facts: object) -> None:
        """Record that something happened; a disk that does not take it loses it."""
        moment = {"t": self._clock.wall(), "attempt": self._attempt}
        known = moment | {"step": step, "event": name}
        try:
            append_line(self._folder, {**known, **facts, **known})
        except OSError:
            self._dropped += 1

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """What the run is busy with meanwhile; the status says so at once."""
        self._enter(name)
        try:
            yield
        finally:
            self._leave()

    def should_stop(self) -> bool:
        """Whether somebody asked the run to stop; also a sign of life."""
        with self._guard:
            self._phases.check_in(self._clock.mono())
        return self._stop.is_up()

    def stop_reason(self) -> Reason:
        """Why it should stop: asked by a user, left by its supervisor, or pushed aside."""
        return self._stop.reason()

    @property
    def step(self) -> int:
        """The last step that was written."""
        return self._step

    def _enter(self, name: str) -> None:
        with self._guard:
            now = self._clock.mono()
            self._count_training(now)
            self._phases.enter(name, now)
        self._news.set()

    def _leave(self) -> None:
        with self._guard:
            now = self._clock.mono()
            self._count_training(now)
            self._phases.leave(now)
        self._disk.expire()
        self._news.set()

    def _count_training(self, now: float) -> None:
        """Time since the last look belongs to training, if that is what went on."""
        if self._phases.is_learning:
            self._pace.train_for(now - self._trained_until)
        self._trained_until = now

    def _keep_publishing(self) -> None:
        while not self._closed.is_set():
            self._news.wait(STATUS_EVERY_S)
            self._news.clear()
            self._publish()

    def _keep_sampling(self) -> None:
        """NVML may take seconds: it has a thread of its own."""
        while not self._closed.wait(GPU_EVERY_S if self._gpu_id else STATUS_EVERY_S):
            if self._gpu_id is not None:
                self._gpu = read_gpu(self._gpu_id)

    def _publish(self) -> None:
        shortage = self._disk.notice()
        if shortage is not None:
            self.event(self._step, "warning", text=shortage)
        with self._guard:
            facts = self._facts()
        self._status.publish(facts)

    def _facts(self) -> dict[str, Any]:
        """The facts of `status.json`."""
        phases = self._phases
        return {
            "attempt": self._attempt,
            "phase": phases.name,
            "leaving": self._stop.is_told,
            "unit": "steps",
            "step": self._step,
            "total": self._total,
            "stage_step": self._numbers.get(f"{phases.name}/step"),
            "stage_total": self._numbers.get(f"{phases.name}/total"),
            "reward": self._numbers.get("reward"),
            "best_reward": self._numbers.get("best_reward"),
            "rate": self._pace.rate,
            **self._etas(),
            "mono": self._clock.mono(),
            "next_by": phases.next_by,
            "wall": self._clock.wall(),
            "eval_s": phases.mean_s("eval"),
            "save_s": phases.longest_s("save"),
            "last_unit": self._disk.last_unit,
            "disk_free": self._disk.free,
            "disk_low": self._disk.is_low,
            "dropped": self._dropped,
            "tracker": self.tracker,
            "gpu": None if self._gpu is None else asdict(self._gpu),
        }

    def _etas(self) -> dict[str, float | None]:
        """When training will be over; a range too where its rate varies much."""
        rate = self._pace.rate
        if self._total is None or rate is None or not self._pace.is_known():
            return {"eta_s": None, "eta_low_s": None, "eta_high_s": None}
        left = max(0, self._total - self._step)
        pauses_s = self._pauses_s(left, rate)
        slow, fast = self._pace.range() or (None, None)
        return {
            "eta_s": eta_s(left, rate, pauses_s),
            "eta_low_s": None if fast is None else eta_s(left, fast, pauses_s),
            "eta_high_s": None if slow is None else eta_s(left, slow, pauses_s),
        }

    def _pauses_s(self, left: int, rate: float) -> float:
        """Seconds of the evaluations and saves to come; one of each ends the run."""
        evals = 1 + (left // self._eval_every if self._eval_every else 0)
        saves = 1 + (left / rate // self._save_every_s if self._save_every_s else 0)
        eval_s, save_s = self._phases.mean_s("eval"), self._phases.mean_s("save")
        return evals * (eval_s or 0.0) + saves * (save_s or 0.0)


def dump_stacks_on_signal(folder: RunFolder) -> None:
    """SIGUSR1 writes what every thread is doing, even one that hangs in C."""
    # A bare descriptor: it must outlive every file object.
    stacks = os.open(
        folder.stacks, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644
    )
    faulthandler.register(signal.SIGUSR1, file=stacks, all_threads=True)
