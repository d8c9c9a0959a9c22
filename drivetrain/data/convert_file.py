"""One source file becomes one shard, whatever is in the file."""

import importlib
import json
import traceback
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from drivetrain.data import validate
from drivetrain.data.converters.contract import (
    Converter,
    Options,
    Repair,
    UnfitFileError,
    other_type,
)
from drivetrain.data.shards import Tally, write_shard
from drivetrain.errors import UserError
from drivetrain.sim.scenario import Scenario
from drivetrain.text import plain

REPEATED = "duplicate_id"
UNREADABLE = "unreadable"
TOO_MANY = "more_than_asked_for"


@dataclass(frozen=True, slots=True)
class Job:
    """How every file of a conversion is read.  module: the converter's."""

    module: str
    options: Options

    def as_json(self) -> str:
        """The job in one line, for another process."""
        options = asdict(self.options)
        options["maps"] = None if self.options.maps is None else str(self.options.maps)
        return json.dumps({"module": self.module, "options": options})

    @classmethod
    def from_json(cls, text: str) -> "Job":
        """The job behind a line of `as_json`."""
        facts = json.loads(text)
        options = facts["options"]
        options["maps"] = None if options["maps"] is None else Path(options["maps"])
        options["types"] = tuple(options["types"])
        return cls(facts["module"], Options(**options))

    def converter(self) -> Converter:
        """The module that reads the format."""
        return cast(Converter, importlib.import_module(self.module))


@dataclass(frozen=True, slots=True)
class Task:
    """One source file, and where its shard goes."""

    file: Path
    shard: Path


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a task.

    error: how the converter failed (a bug of ours); there is then no shard.
    blocked: why the shard could not be written, which no other file will change.
    refused: what the person has to change first (a missing map), in a sentence, and its kind.
    """

    scenarios: int = 0
    seconds: float = 0.0
    error: str | None = None
    blocked: str | None = None
    refused: tuple[str, str] | None = None


class _ConverterFailedError(Exception):
    """The converter raised what it should not: the cause says what."""


def convert_file(job: Job, task: Task) -> Outcome:
    """Writes the task's shard; a file that is no use gives one without scenarios."""
    tally = Tally()
    try:
        try:
            write_shard(task.shard, _fit(job, task.file, tally), tally)
        except UnfitFileError as unfit:
            # What a file gave before it turned out to be no use is no use either.
            tally = Tally(unfit=plain(str(unfit)) or UNREADABLE)
            write_shard(task.shard, (), tally)
    except OSError as error:
        return Outcome(blocked=str(error.strerror or error))
    except UserError as error:
        return Outcome(refused=(type(error).__name__, str(error)))
    except _ConverterFailedError as failure:
        return Outcome(error=_told(failure.__cause__ or failure))
    except Exception as error:  # noqa: BLE001 - what cannot be packed must not end the others
        return Outcome(error=_told(error))
    return Outcome(tally.scenarios, tally.seconds)


def _fit(job: Job, file: Path, tally: Tally) -> Iterator[Scenario]:
    """A file's good scenarios; the others are counted by reason."""
    seen: set[str] = set()
    of_type: dict[str, int] = {}
    for found in _found(job, file):
        if isinstance(found, Repair):
            tally.repairs[found.what] += found.count
            continue
        reason = found if isinstance(found, str) else _fault(found, seen)
        if reason is None and isinstance(found, Scenario):
            reason = _unwanted(found, job.options, of_type)
        if reason is not None:
            tally.rejects[reason] += 1
        elif isinstance(found, Scenario):
            seen.add(found.id)
            yield found


def _found(job: Job, file: Path) -> Iterator[Scenario | Repair | str]:
    """What the converter says, its own failures kept apart from those of the disk."""
    try:
        converter: Any = job.converter()
        yield from converter.scenarios_of(file, job.options)
    except (UnfitFileError, UserError):
        raise
    except OSError as error:
        raise UnfitFileError(UNREADABLE) from error
    except Exception as error:
        raise _ConverterFailedError from error


def _fault(scenario: Scenario, seen: set[str]) -> str | None:
    return REPEATED if scenario.id in seen else validate.fault(scenario)


def _unwanted(scenario: Scenario, options: Options, of_type: dict[str, int]) -> str | None:
    """Why the options leave it out; counts by type what they do not."""
    if options.types and scenario.type not in options.types:
        return other_type(scenario.type)
    count = of_type.get(scenario.type, 0)
    if options.per_type is not None and count >= options.per_type:
        return TOO_MANY
    of_type[scenario.type] = count + 1
    return None


def _told(error: BaseException) -> str:
    """The exception in a line: its kind, its first line, and where it came from."""
    lines = str(error).strip().splitlines() or [""]
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return plain(f"{type(error).__name__}: {lines[0]}", 160) + place
