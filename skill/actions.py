"""One function per verb: Command → Report."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
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
from drivetrain.runs.launched import read_launch
from drivetrain.runs.look import Asked, Run, read_request
from drivetrain.runs.record import Ended, Queued, Stalled
from drivetrain.runs.saved import newest_step
from drivetrain.runs.waiting import Waiting
from drivetrain.text import plain
from skill.data_actions import convert_data, describe_data, generate_data, licences_of
from skill.facts import state_word
from skill.grammar import (
    BASELINES,
    Command,
    DataConvert,
    DataGenerate,
    DataInfo,
    Doctor,
    Eval,
    Help,
    Logs,
    Resume,
    Start,
    Status,
    Stop,
    Wait,
)
from skill.log_page import logs_report
from skill.report import Report
from skill.run_page import Page, run_report
from skill.status_page import Scene, fresh_sample, status_report

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
        case Resume():
            return resume(command, room)
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
        case Doctor():
            return examine_all(command, room)
        case Help():
            return show_help(command)
        case _:
            assert_never(command)


def show_status(command: Status, room: Room) -> Report:
    """All runs and the machine, or the page of one run."""
    if command.run is not None:
        return _run_page(registry.find_run(room.home, command.run))
    overview, queue = _moved_on(room.home)
    now = SYSTEM.wall()
    machine = read_machine(fresh_sample(overview.active, now))
    return status_report(Scene(overview, queue, machine, room.home, now))


def _moved_on(home: Path) -> tuple[registry.Overview, Sequence[Waiting]]:
    """Where all runs stand and in which order they wait, after moving on those that can."""
    overview = registry.overview(home)
    if not overview.queued:
        return overview, ()
    # Starting runs takes modules that a status without a queue need not load.
    from drivetrain.runs.schedule import queue_of, schedule_step

    with suppress(OSError):  # who may only read this home still sees it
        schedule_step(home)
        overview = registry.overview(home)
    return overview, queue_of(home, overview)


def _waiting(run: Run) -> Waiting | None:
    """A run's place in the queue, None where it does not wait."""
    if not isinstance(run.state, Queued):
        return None
    _, queue = _moved_on(run.folder.home)
    return next((waiting for waiting in queue if waiting.run.id == run.id), None)


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
    started = launch(request, home=room.home)
    waiting = _waiting(started.run)
    return start_report(started, facts, licences_of(facts["data"]), waiting)


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


def resume(command: Resume, room: Room) -> Report:
    """Let an ended run go on from its last saved state.

    Raises:
        ConflictError: it is active, or completed and asked for no further step.
    """
    from drivetrain.runs.resume import request_resume
    from skill.replies import resume_report

    reply = request_resume(room.home, command.run, total_steps=command.total_steps)
    return resume_report(reply, _waiting(reply.run), command.total_steps)


def wait(command: Wait, room: Room) -> Report:
    """Wait for a run's end; the exit code says how it ended."""
    from drivetrain.runs.attend import attend

    run = attend(room.home, command.run, room.notify, command.timeout_s)
    report = _run_page(run)
    code = run.state.exit_code if isinstance(run.state, Ended) else NOT_YET_OVER
    return Report(report.markdown, report.facts, code)


def show_logs(command: Logs, room: Room) -> Report:
    """The last lines of a run's log, and with `--follow` all that come."""
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


def examine_all(command: Doctor, room: Room) -> Report:
    """What is wrong with the machine and the home, after repairs where they are wanted."""
    from drivetrain.doctor.examine import examine
    from skill.doctor_page import doctor_report

    return doctor_report(examine(room.home, fix=command.fix))


def show_help(command: Help) -> Report:
    """All verbs, or one."""
    # The help of a start verb loads Pydantic; a status need not wait for that.
    from skill.help import help_report

    return help_report(command.topic)


def _run_page(run: Run) -> Report:
    waiting = _waiting(run)
    # It may have begun by that very look.
    run = registry.find_run(run.folder.home, run.id) if isinstance(run.state, Queued) else run
    asked = read_request(run.folder)
    return run_report(
        Page(
            run,
            asked,
            licences=licences_of(asked.request.get("data") if asked else None),
            evaluation=read_json(run.folder.evaluation),
            now=SYSTEM.wall(),
            from_step=_from_step(run),
            waiting=waiting,
            ended_in_s=_ended_in_s(run, asked),
        )
    )


def _from_step(run: Run) -> int | None:
    """Where a run's attempt went on from, or will; None for its first."""
    if run.state.attempt == 1:
        return None
    if isinstance(run.state, Queued):
        return newest_step(run.folder) or 0
    launched = read_launch(run.folder.attempt(run.state.attempt))
    return launched.from_step if launched else None


def _ended_in_s(run: Run, asked: Asked | None) -> float | None:
    """Seconds until a stalled run is ended if it stays silent, None where it never is."""
    if not isinstance(run.state, Stalled) or asked is None:
        return None
    patience_s = asked.plan.stalled_for_s
    if patience_s is None:
        return None
    # The one place where it is stated; few looks meet a stalled run.
    from drivetrain.runs.supervise import DEFAULTS

    asked_after_s: float = DEFAULTS["stacks_after_s"]
    return max(0.0, asked_after_s + patience_s - run.state.overdue_s)


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
