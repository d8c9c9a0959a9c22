"""Every path of a run, stated once."""

import re
from dataclasses import dataclass
from pathlib import Path

RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def is_run_id(text: str) -> bool:
    """Whether a text may name a run; nothing else ever becomes part of a path."""
    return RUN_ID.fullmatch(text) is not None


def runs_folder(home: Path) -> Path:
    """The folder that holds every run of a home."""
    return home / "runs"


@dataclass(frozen=True, slots=True)
class AttemptFolder:
    """The files of one attempt, `runs/<id>/attempts/NNN`."""

    path: Path

    @property
    def number(self) -> int:
        """1 for the first attempt."""
        return int(self.path.name)

    @property
    def launch(self) -> Path:
        """What is started and how; written by the starter."""
        return self.path / "launch.json"

    @property
    def proc(self) -> Path:
        """Who runs it, by pid, start time and boot; written by the supervisor."""
        return self.path / "proc.json"

    @property
    def outcome(self) -> Path:
        """How training ended; the trainer's last act."""
        return self.path / "outcome.json"

    @property
    def exit(self) -> Path:
        """How the attempt ended; written once, by the holder of the run's lock."""
        return self.path / "exit.json"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The files of one run."""

    home: Path
    id: str

    @classmethod
    def at(cls, path: Path) -> "RunFolder":
        """The run whose folder this is, `<home>/runs/<id>`."""
        whole = path.absolute()
        return cls(whole.parent.parent, whole.name)

    @property
    def path(self) -> Path:
        """The run's folder."""
        return runs_folder(self.home) / self.id

    @property
    def request(self) -> Path:
        """What was asked for, and its digest."""
        return self.path / "request.json"

    @property
    def config(self) -> Path:
        """The same request, for people."""
        return self.path / "config.yaml"

    @property
    def source(self) -> Path:
        """Which code it ran on."""
        return self.path / "source.json"

    @property
    def run_lock(self) -> Path:
        """Held by the supervisor for its whole life."""
        return self.path / "run.lock"

    @property
    def trainer_lock(self) -> Path:
        """Held by the trainer until its last save is done."""
        return self.path / "trainer.lock"

    @property
    def stop_request(self) -> Path:
        """That somebody asked the run to stop, and how."""
        return self.path / "stop.request"

    @property
    def resume_request(self) -> Path:
        """That somebody asked an ended run to go on, and how."""
        return self.path / "resume.request"

    @property
    def status(self) -> Path:
        """Where training stands; replaced every second."""
        return self.path / "status.json"

    @property
    def events(self) -> Path:
        """What happened, one line each."""
        return self.path / "events.jsonl"

    @property
    def log(self) -> Path:
        """All that the trainer printed."""
        return self.path / "out.log"

    @property
    def log_before(self) -> Path:
        """The newest part of what the log held before it was cut for its length."""
        return self.path / "out.log.1"

    @property
    def stacks(self) -> Path:
        """What every thread was doing when the trainer was asked with SIGUSR1."""
        return self.path / "stacks.txt"

    @property
    def evaluation(self) -> Path:
        """How its best policy drove the held-out scenarios, once the run completed."""
        return self.path / "evaluation.json"

    @property
    def tracking(self) -> Path:
        """Which MLflow run mirrors this one, and how far."""
        return self.path / "mlflow.json"

    @property
    def tracking_lock(self) -> Path:
        """Held by whoever tells MLflow of the run at this moment."""
        return self.path / "mlflow.lock"

    @property
    def attempts(self) -> Path:
        """The folder of the attempts."""
        return self.path / "attempts"

    @property
    def checkpoints(self) -> Path:
        """The folder of the run's checkpoints."""
        return self.home / "checkpoints" / self.id

    @property
    def units(self) -> Path:
        """The folder of whole saved states, one folder per step, to resume from."""
        return self.checkpoints / "units"

    @property
    def has_warmed_up(self) -> bool:
        """Whether something was saved of a stage before the first step, and nothing later."""
        stages = self.checkpoints.glob("*/units/[0-9]*")
        return not self.units.exists() and next(stages, None) is not None

    @property
    def lineage(self) -> Path:
        """What a run comes from that begins with another training; the trainer's."""
        return self.checkpoints / "lineage.json"

    @property
    def last_checkpoint(self) -> Path:
        """The newest checkpoint."""
        return self.checkpoints / "last.pt"

    @property
    def best_checkpoint(self) -> Path:
        """The best checkpoint so far."""
        return self.checkpoints / "best.pt"

    @property
    def logs(self) -> Path:
        """The TensorBoard folder."""
        return self.home / "logs" / self.id

    def attempt(self, number: int) -> AttemptFolder:
        """The folder of one attempt, there or not."""
        return AttemptFolder(self.attempts / f"{number:03d}")

    def last_attempt(self) -> AttemptFolder | None:
        """The newest attempt, or None before the first."""
        try:
            names = [at.name for at in self.attempts.iterdir()]
        except (FileNotFoundError, NotADirectoryError):
            return None
        # Of ASCII digits alone: `²` is a digit that no number begins with.
        numbers = [int(name) for name in names if name.isascii() and name.isdigit()]
        return self.attempt(max(numbers)) if numbers else None
