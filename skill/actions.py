"""One function per verb: Command → Report."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO, assert_never

from drivetrain.clock import SYSTEM
from drivetrain.errors import ConflictError, NotFoundError
from drivetrain.machine import read_machine
from drivetrain.runs import logs as run_logs
from drivetrain.runs import registry
from drivetrain.runs.atomic import read_json
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.look import Run, read_request
from drivetrain.runs.record import Ended
from drivetrain.text import plain
from skill.facts import state_word
from skill.grammar import (
    BASELINES,
    Command,
    DataConvert,
    DataGenerate,
    DataInfo,
    Eval,
    Help,
    Logs,
    Start,
    Status,
    Stop,
    Wait,
)
from skill.report import Report
from skill.run_page import Page, run_report
from skill.status_page import fresh_sample, status_report

NOT_YET_OVER = 75


@dataclass(frozen=True, slots=True)
class Room:
    """Where a command acts.  home: of the runs.  notify: for progress and notes, never data."""

    home: Path
    notify: TextIO


def act(command: Command, room: Room) -> Report:  # noqa: C901, PLR0911, PLR0912 - a line per verb
    """Do what the command says.

    Raises:
        UserError: it cannot be done; the message says what can.
    """
    match command:
        case Status():
            return show_status(command, room)
        case Logs():
            return show_logs(command, room)
        case Start():
            return start(command, room)
        case Stop():
            return stop(command, room)
        case Wait():
            return wait(command, room)
        case Eval():
            return evaluate(command, room)
        case DataConvert():
            return convert_data(command)
        case DataInfo():
            return describe_data(command)
        case DataGenerate():
            return generate_data(command)
        case Help():
            return show_help(command)
        case _:
            assert_never(command)


def show_status(command: Status, room: Room) -> Report:
    """All runs and the machine, or the page of one run."""
    if command.run is not None:
        return _run_page(registry.find_run(room.home, command.run))
    now = SYSTEM.wall()
    overview = _overview(room.home)
    machine = read_machine(fresh_sample(overview.active, now))
    return status_report(overview, machine, room.home, now)


def _overview(home: Path) -> registry.Overview:
    """Where all runs stand, after moving on those that wait."""
    overview = registry.overview(home)
    if not overview.queued:
        return overview
    # Its starter was killed between reserving and launching it: a look is enough to go on.
    from drivetrain.runs.schedule import schedule_step

    schedule_step(home)
    return registry.overview(home)


def start(command: Start, room: Room) -> Report:
    """Start a run in the background, or find that the same one is there."""
    # Only a start pays for Pydantic, YAML and the launcher.
    from skill.replies import start_report
    from trainers.configs import as_yaml, resolve
    from trainers.launch import check_files, check_schedule, launch

    request = resolve(command.asked)
    if command.dry_run:
        check_files(request)
        check_schedule(request, room.home)
        text = f"# What `/train {command.asked.algorithm}` would run; nothing was written.\n"
        return Report(text + as_yaml(request).rstrip(), request.model_dump(mode="json"))
    facts = request.model_dump(mode="json")
    return start_report(launch(request, home=room.home), facts, _licences(facts["data"]))


def stop(command: Stop, room: Room) -> Report:
    """Ask a run to save and end.

    Raises:
        ConflictError: it is already over.
    """
    from drivetrain.runs.stop import request_stop
    from skill.replies import stop_report

    reply = request_stop(room.home, command.run, grace_s=command.grace_s, force=command.force)
    if reply.did == "over":
        raise ConflictError(
            f"Run `{command.run}` is already over ({state_word(reply.run.state)}); only an "
            f"active run can be stopped. Try `/train status {command.run}`."
        )
    return stop_report(reply)


def wait(command: Wait, room: Room) -> Report:
    """Wait for a run's end; the exit code says how it ended."""
    from drivetrain.runs.attend import attend

    run = attend(room.home, command.run, room.notify, command.timeout_s)
    report = _run_page(run)
    code = run.state.exit_code if isinstance(run.state, Ended) else NOT_YET_OVER
    return Report(report.markdown, report.facts, code)


def show_logs(command: Logs, room: Room) -> Report:
    """The last lines of a run's log, and with `--follow` all that come."""
    from skill.replies import logs_report

    run = registry.find_run(room.home, command.run)
    if command.follow:
        lines = run_logs.follow(run.folder, command.tail, command.grep)
        return Report("", stream=_as_they_come(lines, command))
    found = run_logs.tail(run.folder, command.tail, command.grep)
    return logs_report(run, [plain(line) for line in found], command.grep)


def evaluate(command: Eval, room: Room) -> Report:
    """Drive held-out scenarios with a run's checkpoint, beside the baselines."""
    from skill.children import run_child
    from skill.run_page import evaluation_report

    said = run_child("trainers.evaluate", [*_driver(command, room), *_evaluated(command)])
    if said.exit_code:
        return Report("", exit_code=said.exit_code)
    return evaluation_report(json.loads(said.text.splitlines()[-1]))


def show_help(command: Help) -> Report:
    """All verbs, or one."""
    # The help of a start verb loads Pydantic; a status need not wait for that.
    from skill.help import help_report

    return help_report(command.topic)


def convert_data(command: DataConvert) -> Report:
    """Make a scenario set of recorded files."""
    words = ["convert", command.format, *command.sources, f"--out={command.out}"]
    return _make_set(words, command.out, as_json=command.as_json)


def generate_data(command: DataGenerate) -> Report:
    """Make a scenario set of generated traffic."""
    words = ["generate", f"--out={command.out}"]
    words += [] if command.count is None else ["--count", str(command.count)]
    words += [] if command.seed is None else ["--seed", str(command.seed)]
    return _make_set(words, command.out, as_json=command.as_json)


def describe_data(command: DataInfo) -> Report:
    """What a scenario set holds."""
    return _told_by_data(["info", command.folder], as_json=command.as_json)


def _make_set(words: list[str], out: str, *, as_json: bool) -> Report:
    made = _told_by_data(words, as_json=False)
    return made if made.exit_code or not as_json else describe_data(DataInfo(out, as_json=True))


def _told_by_data(words: list[str], *, as_json: bool) -> Report:
    from skill.children import run_child

    said = run_child("drivetrain.data", [*words, "--json"] if as_json else words)
    if said.exit_code:
        return Report("", exit_code=said.exit_code)
    if as_json:
        return Report("", json.loads(said.text))
    return Report(said.text.rstrip())


def _run_page(run: Run) -> Report:
    asked = read_request(run.folder)
    licences = _licences(asked.request.get("data") if asked else None)
    evaluation = read_json(run.folder.evaluation)
    return run_report(Page(run, asked, licences, evaluation, SYSTEM.wall()))


def _licences(data: str | None) -> tuple[str, ...]:
    """What the scenario set says of itself; a set that is gone says nothing."""
    if data is None:
        return ()
    # NumPy comes with it, which a run on built-in scenarios need not wait for.
    from drivetrain.data.integrity import read_manifest

    try:
        return tuple(read_manifest(Path(data)).licences)
    except NotFoundError:
        return ()


def _as_they_come(lines: Iterator[str], command: Logs) -> Iterator[str]:
    for line in lines:
        text = plain(line)
        yield json.dumps({"run": command.run, "line": text}) if command.as_json else text


def _driver(command: Eval, room: Room) -> list[str]:
    """The words that tell the child who drives.

    Raises:
        NotFoundError: there is no such run, or it has no checkpoint yet.
    """
    # A run may have a baseline's name: then it is the one that is meant.
    is_run = RunFolder(room.home, command.driver).path.exists()
    if command.driver in BASELINES and not is_run:
        return ["--baseline", command.driver]
    run = registry.find_run(room.home, command.driver)
    best, last = run.folder.best_checkpoint, run.folder.last_checkpoint
    checkpoint = best if command.checkpoint == "best" else last
    if not checkpoint.is_file():
        raise NotFoundError(
            f"Run `{run.id}` has no `{checkpoint.name}`; it comes with the first evaluation "
            f"or save. Try `/train status {run.id}`."
        )
    return ["--checkpoint", str(checkpoint), "--name", run.id]


def _evaluated(command: Eval) -> list[str]:
    # Joined: a name that begins with a dash must not become an option of the child.
    words = [] if command.data is None else [f"--data={command.data}"]
    return words + (
        [] if command.scenarios is None else ["--scenarios", str(command.scenarios)]
    )
