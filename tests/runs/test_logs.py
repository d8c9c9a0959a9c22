"""Reading a log from its end."""

import os
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivetrain.runs import launch, nudge, supervise
from drivetrain.runs.folder import RunFolder
from drivetrain.runs.logs import follow, tail
from drivetrain.runs.stop import request_stop
from tests.runs.living import ended, spec, start

LINES = st.lists(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=30)
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run folder with nothing but a place for its log."""
    folder = RunFolder(tmp_path_factory.mktemp("home"), "r1")
    folder.path.mkdir(parents=True)
    return folder


@settings(max_examples=50, deadline=None)
@given(
    lines=LINES, wanted=st.integers(0, 40), repeat=st.sampled_from([1, 3000]), end=st.booleans()
)
def test_the_tail_of_a_log_is_the_end_of_its_lines(
    folder: RunFolder, lines: list[str], wanted: int, repeat: int, *, end: bool
) -> None:
    lines = lines * repeat
    text = "\n".join(lines) + ("\n" if end and lines else "")
    folder.log.write_bytes(text.encode())
    whole = text.split("\n")
    if whole[-1] == "":
        whole.pop()
    expected = whole[-wanted:] if wanted else []
    assert list(tail(folder, wanted)) == expected


@settings(max_examples=50, deadline=None)
@given(lines=LINES, grep=st.sampled_from(["a", "K", "0", "é", "\u212a"]), far=st.booleans())
def test_a_search_finds_what_looking_at_every_line_would(
    folder: RunFolder, lines: list[str], grep: str, *, far: bool
) -> None:
    noise = ["x" * 79] * (2_000 if far else 0)
    folder.log.write_text("\n".join([*lines, *noise, *lines]) + "\n", encoding="utf-8")
    whole = folder.log.read_text(encoding="utf-8").split("\n")[:-1]
    expected = [line for line in whole if grep.casefold() in line.casefold()]
    assert list(tail(folder, 1_000, grep)) == expected


def test_a_log_that_was_cut_is_told_with_what_came_before(folder: RunFolder) -> None:
    said = [f"line {number}" for number in range(20_000)]
    text = "".join(f"{line}\n" for line in said).encode()
    folder.log_before.write_bytes(text[:150_003])
    folder.log.write_bytes(text[150_003:])
    assert list(tail(folder, 20_000)) == said
    assert list(tail(folder, 1, grep="LINE 77")) == ["line 7799"]
    folder.log.write_bytes(b"")
    assert list(tail(folder, 1)) == [text[:150_003].decode().splitlines()[-1]]
    folder.log_before.unlink()


def test_lines_are_searched_in_any_case(folder: RunFolder) -> None:
    folder.log.write_text("Epoch 1\nloss 2\nepoch 3\nEPOCH 4\n", encoding="utf-8")
    assert list(tail(folder, 2, grep="epoch")) == ["epoch 3", "EPOCH 4"]


def test_a_progress_bar_shows_as_its_last_state(folder: RunFolder) -> None:
    folder.log.write_bytes(b"start\n10%\r50%\r100%\r\nend\n")
    assert list(tail(folder, 3)) == ["start", "100%", "end"]


def test_a_log_that_is_not_text_is_still_shown(folder: RunFolder) -> None:
    folder.log.write_bytes(b"\xff\xfe\x00 bad\n")
    assert list(tail(folder, 1)) == ["\ufffd\ufffd\x00 bad"]


def test_an_endless_line_is_cut(folder: RunFolder) -> None:
    folder.log.write_bytes(b"head" + b"x" * 1_000_000)
    (line,) = tail(folder, 5)
    assert line.startswith("headx")
    assert len(line) == 65_536


def test_the_end_of_a_huge_log_is_found_without_reading_it(folder: RunFolder) -> None:
    with folder.log.open("wb") as log:
        log.seek(1_000_000_000)
        log.write(b"\nlast but one\nlast\n")
    before = read_so_far()
    assert list(tail(folder, 2)) == ["last but one", "last"]
    assert read_so_far() - before < 1_000_000
    folder.log.unlink()


def read_so_far() -> int:
    """Bytes that this process has read."""
    text = Path("/proc/self/io").read_text(encoding="ascii")
    return int(text.split("rchar: ")[1].split()[0])


def test_a_run_without_a_log_has_no_lines(tmp_path: Path) -> None:
    assert list(tail(RunFolder(tmp_path, "r1"), 5)) == []


def test_following_an_ended_run_shows_its_end_and_returns(home: Path) -> None:
    folder = start(home, "break_off").run.folder
    ended(home)
    assert list(follow(folder, 1)) == [
        "RuntimeError: CUDA out of memory. Tried to allocate 20 GiB"
    ]


def test_following_a_run_shows_every_line_until_it_ends(home: Path) -> None:
    folder = start(home, "work").run.folder
    said = [f"line {number}" for number in range(200)]
    lines = follow(folder, len(said))

    def say() -> None:
        with folder.log.open("a", encoding="utf-8") as log:
            for line in said:
                log.write(f"{line}\n")
                log.flush()
        request_stop(home, "r1")

    speaker = threading.Thread(target=say)
    speaker.start()
    seen = list(lines)
    speaker.join()
    assert seen == said


def test_whoever_follows_a_queued_run_gets_it_started(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launch._reserve(home, spec("break_off"))
    monkeypatch.setattr(nudge, "EVERY_S", 0.0)
    assert list(follow(RunFolder(home, "r1"), 1)) == [
        "RuntimeError: CUDA out of memory. Tried to allocate 20 GiB"
    ]


def test_a_follower_misses_nothing_when_the_log_is_cut(home: Path) -> None:
    folder = start(home, "work").run.folder
    lines = follow(folder, 1)
    said = [f"line {number}" for number in range(300)]
    write(folder, said[:100])
    seen = [next(lines)]
    write(folder, said[100:200])
    cut(folder)
    write(folder, said[200:])
    request_stop(home, "r1")
    assert [*seen, *lines] == said[99:]


def write(folder: RunFolder, lines: list[str]) -> None:
    """Print lines as a trainer does."""
    with folder.log.open("a", encoding="utf-8") as log:
        log.writelines(f"{line}\n" for line in lines)


def cut(folder: RunFolder) -> None:
    """Cut the log as a supervisor does."""
    supervise.keep_end(str(folder.log), str(folder.log_before), 1_500)
    os.truncate(folder.log, 0)
