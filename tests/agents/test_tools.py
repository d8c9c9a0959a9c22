"""What the model gets of a reply."""

from pathlib import Path

from agents.tools import content_of
from drivetrain.runs.atomic import replace_file
from skill.tools.reply import Reply


def test_a_reply_is_its_report_with_the_calls_that_follow_and_its_facts() -> None:
    reply = Reply(report="## Run a", next=("train_status(run='a')",), facts={"step": 1})
    assert content_of(reply) == (
        "## Run a\n\nCalls that follow: `train_status(run='a')`\n\n{\"step\": 1}"
    )
    assert content_of(Reply(report="## Run a")) == "## Run a"


def test_pictures_follow_the_report(tmp_path: Path) -> None:
    replace_file(tmp_path / "curve.png", "PNG")
    picture = {"type": "base64", "media_type": "image/png", "data": "UE5H"}
    assert content_of(Reply(report="r", images=(str(tmp_path / "curve.png"),))) == [
        {"type": "text", "text": "r"},
        {"type": "image", "source": picture},
    ]
