"""Bad input through the front door: a sentence, the right exit code, nothing written or run."""

import re
from pathlib import Path

import pytest

from skill.__main__ import main
from skill.command import parse

BAD = [
    (2, "/train fly"),
    (2, "/train pop --run-id x"),
    (2, "/train hybrid --mode both --run-id x"),
    (2, "/train ppo --runid x"),
    (2, "/train ppo --config bad/misspelt.yaml"),
    (2, "/train ppo --config bad/type.yaml"),
    (2, "/train ppo --config bad/range.yaml"),
    (2, "/train ppo --config bad/nan.yaml"),
    (2, "/train ppo --config bad/text.yaml"),
    (2, "/train ppo --config bad/code.yaml"),
    (3, "/train ppo --config bad/missing.yaml"),
    (3, "/train ppo --data bad/missing --run-id x"),
    (3, "/train ppo --data bad/text.yaml --run-id x"),
    (3, "/train ppo --init-from bad/missing.pt --run-id x"),
    (2, "/train ppo --run-id a/b"),
    (2, "/train ppo --run-id .."),
    (2, "/train ppo --run-id 'a b'"),
    (2, f"/train ppo --run-id {'a' * 300}"),
    (2, "/train ppo --run-id x; touch X"),
    (2, "/train ppo --run-id `touch X`"),
    (2, "/train ppo --run-id $(touch X)"),
    (2, "/train ppo --run-id '$(touch X)'"),
    (2, "/train ppo --set ppo.gamma=`touch${IFS}X`"),
    (2, "/train status; touch X"),
    (2, "/train status `touch X`"),
    (3, "/train status nowhere"),
    (3, "/train logs nowhere"),
    (3, "/train stop nowhere"),
    (3, "/train wait nowhere"),
    (3, "/train resume nowhere"),
    (2, "/train resume nowhere --steps lots"),
    (2, "/train resume nowhere --steps 0"),
    (2, "/train resume"),
    (2, "/train resume ../x"),
    (2, "/train doctor everything"),
    (2, "/train doctor --repair"),
    (3, "/train ppo --run-id x --after nowhere"),
    (2, "/train ppo --run-id x --after ../x"),
    (2, "/train ppo --run-id x --priority urgent"),
    (2, "/train ppo --run-id x --auto-resume -1"),
    (2, "/train ppo --run-id x --auto-resume many"),
    (3, "/train eval nowhere"),
    (3, "/train eval pmd"),
    (3, "/train eval constant-velocity"),
    (3, "/train replay baselines"),
    (2, "/train logs ../../etc/passwd"),
    (2, "/train logs ''"),
    (2, "/train eval idm --data ''"),
    (2, "/train data convert commonroad '' --out x"),
    (3, f"/train ppo --data {'a' * 5000}"),
    (2, "/train ppo --set =3"),
    (2, "/train ppo --set ppo=3"),
    (2, "/train help fly"),
]
CONFIGS = {
    "misspelt": "ppo: {gama: 0.9}",
    "type": "ppo: {gamma: high}",
    "range": "ppo: {gamma: 1.2}",
    "nan": "ppo: {gamma: .nan}",
    "text": "ppo: [",
    "code": "ppo: !!python/object/apply:os.system ['touch X']",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "bad").mkdir()
    for name, text in CONFIGS.items():
        (tmp_path / "bad" / f"{name}.yaml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DRIVETRAIN_HOME", raising=False)
    return tmp_path


@pytest.mark.parametrize(("code", "text"), BAD, ids=lambda value: str(value)[:50])
def test_bad_input_is_told_in_a_sentence_and_leaves_no_trace(
    code: int, text: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([text]) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert "Traceback" not in said.err
    assert len(said.err) < 700
    assert sorted(path.name for path in folder.iterdir()) == ["bad"]
    suggested = re.findall(r"`(/train [^`]*)`\.\n$", said.err)
    assert len(suggested) == 1
    parse(suggested[0])


@pytest.mark.usefixtures("folder")
def test_a_folder_named_like_an_option_is_no_option_of_a_child(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert main(["/train eval idm --data=--help"]) == 3
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: There is no scenario set at `--help`")
