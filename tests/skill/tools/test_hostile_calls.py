"""Ten thousand hostile texts as calls of tools: each is answered in plain words, or refused."""

from pathlib import Path

from drivetrain.errors import UserError
from skill.tools.audit import audit_file
from skill.tools.door import Caller, Door
from tests.hostile import (
    OBEYED,
    TEXTS,
    assert_nothing_happened,
    hostile_calls,
    hostile_texts,
)


def test_no_call_runs_a_command_or_touches_a_file_or_crashes(home: Path) -> None:
    door = Door(home, Caller("mcp"))
    for tool, arguments in hostile_calls(hostile_texts(home.parent / "touched")):
        try:
            said = door.call(tool, arguments).report
        except UserError as error:
            said = str(error)
        assert not OBEYED.search(said), (tool, arguments)
    assert_nothing_happened(home)
    assert len(audit_file(home).read_bytes().splitlines()) == TEXTS
