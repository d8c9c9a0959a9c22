"""What is wrong with a run's learning."""

from drivetrain.runs.history import LAST_BYTES, read_history
from drivetrain.runs.look import Asked, Run, read_request
from drivetrain.runs.registry import find_run
from skill.diagnosis_page import diagnosis_report
from skill.grammar import Diagnose
from skill.report import Report
from skill.room import Room
from trainers.diagnosis.rules import Diagnosis
from trainers.diagnosis.rules import diagnose as by_rules


def diagnose(command: Diagnose, room: Room) -> Report:
    """Every rule over all that the run told."""
    run = find_run(room.home, command.run)
    asked = read_request(run.folder)
    return diagnosis_report(run, asked, diagnosis_of(run, asked))


def health_of(run: Run, asked: Asked | None) -> Diagnosis:
    """Every rule over the last part of what the run told: quick however long it trains."""
    return diagnosis_of(run, asked, LAST_BYTES)


def diagnosis_of(run: Run, asked: Asked | None, last_bytes: int | None = None) -> Diagnosis:
    """What the rules find in a run.  last_bytes: of its events that are read; else all."""
    request = asked.request if asked else {}
    total = run.progress.total if run.progress else None
    return by_rules(run.algorithm, request, read_history(run.folder, last_bytes), total)
