"""One run in detail: as it is, or once it has ended."""

from drivetrain.clock import SYSTEM
from drivetrain.runs.asker import Asker, asker_in
from drivetrain.runs.atomic import read_json
from drivetrain.runs.evaluated import read_evaluation
from drivetrain.runs.follow_up import is_asked_to_stop
from drivetrain.runs.hours import HOUR_S, max_hours, spent_s
from drivetrain.runs.launched import read_launch
from drivetrain.runs.look import Asked, Run, read_request
from drivetrain.runs.plan import STACKS_AFTER_S
from drivetrain.runs.record import Ended, Queued, Stalled
from drivetrain.runs.registry import find_run
from drivetrain.runs.saved import newest_step
from skill.actions.diagnosing import health_of
from skill.actions.queue import place_in_queue
from skill.grammar import Wait
from skill.licences import course_of, licences_of
from skill.report import Report
from skill.room import Room
from skill.run_page import Page, run_report

NOT_YET_OVER = 75


def wait(command: Wait, room: Room) -> Report:
    """Wait for a run's end; the exit code says how it ended."""
    from drivetrain.runs.attend import attend

    run = attend(room.home, command.run, room.notify, command.timeout_s)
    report = page_of(run)
    code = run.state.exit_code if isinstance(run.state, Ended) else NOT_YET_OVER
    return Report(report.markdown, report.facts, code)


def page_of(run: Run) -> Report:
    """The run in detail, after moving on the queue."""
    waiting = place_in_queue(run)
    # It may have begun by that very look.
    run = find_run(run.folder.home, run.id) if isinstance(run.state, Queued) else run
    asked = read_request(run.folder)
    return run_report(
        Page(
            run,
            asked,
            licences=licences_of(course_of(asked.request) if asked else None),
            evaluation=read_evaluation(run.folder),
            lineage=read_json(run.folder.lineage),
            now=SYSTEM.wall(),
            from_step=_from_step(run),
            waiting=waiting,
            ended_in_s=_ended_in_s(run, asked),
            health=health_of(run, asked),
            resumed_by=_resumed_by(run),
            stopped_by=_stopped_by(run),
            time_s=_time_s(run),
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


def _resumed_by(run: Run) -> Asker | None:
    """Who asked the run to go on with this attempt; None where that was not asked for."""
    if isinstance(run.state, Queued):
        is_asked = run.state.by == "user"
        return asker_in(run.folder.resume_request) if is_asked else None
    launched = read_launch(run.folder.attempt(run.state.attempt))
    return launched.asked_by if launched and launched.by == "user" else None


def _stopped_by(run: Run) -> Asker | None:
    """Who asked this attempt to stop, whether or not it ended of that."""
    is_asked = is_asked_to_stop(run.folder, run.state.attempt)
    return asker_in(run.folder.stop_request) if is_asked else None


def _time_s(run: Run) -> tuple[float, float] | None:
    """The time that a run took, and that it may take; None where it may take any."""
    hours = max_hours(run.folder)
    return None if hours is None else (spent_s(run.folder), hours * HOUR_S)


def _ended_in_s(run: Run, asked: Asked | None) -> float | None:
    """Seconds until a stalled run is ended if it stays silent, None where it never is."""
    if not isinstance(run.state, Stalled) or asked is None:
        return None
    patience_s = asked.plan.stalled_for_s
    if patience_s is None:
        return None
    return max(0.0, STACKS_AFTER_S + patience_s - run.state.overdue_s)
