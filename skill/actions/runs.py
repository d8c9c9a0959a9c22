"""Starting, stopping and resuming runs."""

from drivetrain.errors import ConflictError
from skill.actions.queue import place_in_queue
from skill.facts import state_word
from skill.grammar import Resume, Start, Stop
from skill.licences import course_of, licences_of
from skill.report import Report
from skill.room import Room


def act_on_run(command: Start | Stop | Resume, room: Room) -> Report:
    """Start, stop or resume a run."""
    match command:
        case Start():
            return start(command, room)
        case Stop():
            return stop(command, room)
        case Resume():
            return resume(command, room)


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
    started = launch(request, home=room.home, asked_by=room.asked_by)
    waiting = place_in_queue(started.run)
    return start_report(started, facts, licences_of(course_of(facts)), waiting)


def stop(command: Stop, room: Room) -> Report:
    """Ask a run to save and end.

    Raises:
        ConflictError: it is already over.
    """
    from drivetrain.runs.stop import request_stop
    from skill.replies import stop_report

    reply = request_stop(
        room.home,
        command.run,
        grace_s=command.grace_s,
        force=command.force,
        asked_by=room.asked_by,
    )
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
    from drivetrain.runs.resume import Raised, request_resume
    from skill.replies import resume_report

    raised = Raised(command.total_steps, command.max_hours)
    reply = request_resume(room.home, command.run, raised, asked_by=room.asked_by)
    return resume_report(reply, place_in_queue(reply.run), raised)
