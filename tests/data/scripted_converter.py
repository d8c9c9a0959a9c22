"""A converter whose files say themselves what is to become of them."""

import errno
import json
import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from drivetrain.data.converters.contract import Options, Repair, UnfitFileError
from drivetrain.errors import NotFoundError
from drivetrain.sim.scenario import Scenario
from tests.data.builders import scenario

SOURCE = "scripted"
VERSION = 1
MODULE = "tests.data.scripted_converter"


def script(folder: Path, name: str, **words: object) -> Path:
    """A source file with those words.

    scenarios, log, group, id: what it gives.  rejects, repairs: names.  unfit: reason.
    refused: a sentence.  crash: an exception's text.  dies: by a signal.
    unreadable: as a bad disk is.  after: a file to read first (a pipe waits).
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(json.dumps(words), encoding="utf-8")
    return path


def check_options(options: Options) -> None:
    """Passes."""
    del options


def files_in(sources: Sequence[Path]) -> list[Path]:
    """The scripts named, and those below the folders named."""
    found = [
        file
        for source in sources
        for file in (sorted(source.rglob("*.script")) if source.is_dir() else [source])
    ]
    if not found:
        raise NotFoundError("There is no script.")
    return found


def scenarios_of(file: Path, options: Options) -> Iterator[Scenario | Repair | str]:
    """What the script says."""
    del options
    said = json.loads(file.read_text(encoding="utf-8"))
    if "after" in said:
        Path(said["after"]).read_bytes()
    name = said.get("log", file.stem)
    yield from said.get("rejects", ())
    for what in said.get("repairs", ()):
        yield Repair(what, 2)
    for at in range(said.get("scenarios", 0)):
        one = said.get("id", f"{name}/{at}")
        group = said.get("group", name)
        made = scenario(one, group=group, agents=1 + at % 3, steps=11)
        yield _of_log(made, name, said.get("type", "follow"))
    _end_badly(said)


def _of_log(made: Scenario, log: str, type_: str) -> Scenario:
    return replace(made, log=log, type=type_)


def _end_badly(said: dict[str, str]) -> None:
    if "unfit" in said:
        raise UnfitFileError(said["unfit"])
    if "refused" in said:
        raise NotFoundError(said["refused"])
    if "crash" in said:
        raise ValueError(said["crash"])
    if "unreadable" in said:
        raise OSError(errno.EIO, "Input/output error")
    if "dies" in said:
        os.kill(os.getpid(), signal.SIGKILL)
