"""Processes that convert files side by side; one that dies costs the file it was at."""

import json
import os
import selectors
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import IO, Self

from drivetrain.data.convert_file import Job, Outcome, Task
from drivetrain.errors import UserError

READY = "ready"
WORKER = "drivetrain.data.worker"
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
"""A process per core has no use for threads."""


@dataclass(slots=True)
class _Worker:
    process: subprocess.Popen[str]
    said: IO[str]
    task: Task | None = None
    is_ready: bool = False


class Workers:
    """A fixed number of processes.

    with Workers(job, 2) as workers:
        for task, outcome in workers.run(tasks): …
    """

    def __init__(self, job: Job, count: int) -> None:
        self._job = job
        self._count = count
        self._workers: list[_Worker] = []

    def __enter__(self) -> Self:
        self._selector = selectors.DefaultSelector()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ends them at once: a shard that is not whole is none."""
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            self._forget(worker)
        self._selector.close()

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Outcome]]:
        """Every task with its outcome, in the order in which they end."""
        waiting = list(reversed(tasks))
        for _ in range(min(self._count, len(tasks))):
            self._start()
        left = len(tasks)
        while left:
            for key, _ in self._selector.select():
                worker: _Worker = key.data
                line = worker.said.readline()
                done = self._heard(worker, line)
                if done is not None:
                    left -= 1
                    yield done
                if not line and waiting:
                    self._start()
                elif line and waiting:
                    self._give(worker, waiting.pop())

    def _start(self) -> None:
        environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": os.pathsep.join(sys.path)}
        try:
            process = subprocess.Popen(  # noqa: S603 - list arguments, no shell
                [sys.executable, "-P", "-m", WORKER, self._job.as_json()],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                encoding="ascii",
                env=environment,
                # Ctrl-C is for the one who asked; what it means for them, they are told.
                start_new_session=True,
            )
        except OSError as error:
            raise _unstartable(error.strerror or str(error)) from error
        if process.stdout is None:
            raise RuntimeError("a worker without a pipe")
        worker = _Worker(process, process.stdout)
        self._workers.append(worker)
        self._selector.register(worker.said, selectors.EVENT_READ, worker)

    def _heard(self, worker: _Worker, line: str) -> tuple[Task, Outcome] | None:
        """What a worker's line says; an empty one says that it died."""
        if not line:
            return self._bury(worker)
        if line.strip() == READY:
            worker.is_ready = True
            return None
        task, worker.task = worker.task, None
        if task is None:
            raise RuntimeError(f"a worker spoke unasked: {line!r}")
        return task, Outcome(**json.loads(line))

    def _bury(self, worker: _Worker) -> tuple[Task, Outcome] | None:
        self._selector.unregister(worker.said)
        self._workers.remove(worker)
        code = self._forget(worker)
        if not worker.is_ready:
            raise _unstartable(_how(code))
        if worker.task is None:
            return None
        told = f"its process ended ({_how(code)}); the memory may be too small for it"
        return worker.task, Outcome(error=told)

    def _give(self, worker: _Worker, task: Task) -> None:
        worker.task = task
        if worker.process.stdin is None:
            raise RuntimeError("a worker without a pipe")
        line = json.dumps({name: str(path) for name, path in asdict(task).items()})
        try:
            worker.process.stdin.write(f"{line}\n")
            worker.process.stdin.flush()
        except BrokenPipeError:
            return  # it died just now: its end of the other pipe will say so

    @staticmethod
    def _forget(worker: _Worker) -> int:
        for pipe in (worker.process.stdin, worker.said):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue  # what it did not read is lost with it
        return worker.process.wait()


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _unstartable(why: str) -> UserError:
    return UserError(
        f"No further process could be started to convert files ({why}); what is converted is "
        f"kept, and the same command goes on from there. Try it with `--workers 1`."
    )
