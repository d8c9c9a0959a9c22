"""Config files, options and `--set` values → one request."""

import os
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivetrain.errors import NotFoundError, RequestError, UserError
from drivetrain.runs.folder import RUN_ID
from drivetrain.settings import PROJECT
from skill.command import parse
from skill.grammar import Start
from trainers.asked import Asked
from trainers.configs import LARGEST_CONFIG, as_yaml, find_config, resolve
from trainers.fields import fields_of
from trainers.ppo_request import PPORequest, PPOSettings
from trainers.train_request import RUN_ID_PATTERN, TrainRequest

BRIEF = """\
algorithm: PPO
environment:
  name: ADPlanning-v0
  num_envs: 8

ppo:
  learning_rate: 3e-4
  batch_size: 2048
  gamma: 0.99

training:
  total_steps: 10_000_000
"""


def ppo(request: TrainRequest) -> PPORequest:
    assert isinstance(request, PPORequest)
    return request


def with_config(folder: Path, text: str | bytes, *sets: str) -> PPORequest:
    file = folder / "config.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return ppo(resolve(Asked("ppo", str(file), sets=sets)))


def test_the_brief_s_config_arrives_as_it_was_meant(tmp_path: Path) -> None:
    request = with_config(tmp_path, BRIEF)
    assert request.ppo.learning_rate == 0.0003
    assert request.ppo.batch_size == 2048
    assert request.environment.num_envs == 8
    assert request.training.total_steps == 10_000_000


def test_the_built_in_config_is_the_brief_s() -> None:
    assert find_config("ppo").read_text(encoding="utf-8") == BRIEF


@pytest.mark.parametrize("name", ["ppo", "ppo.yaml", "configs/planning/ppo.yaml"])
def test_a_built_in_config_is_found_from_any_folder(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_config(name) == PROJECT / "configs" / "planning" / "ppo.yaml"


def test_a_file_as_given_comes_before_a_built_in_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ppo").write_text("seed: 7\n", encoding="utf-8")
    assert resolve(Asked("ppo", "ppo")).seed == 7


def test_options_and_sets_overrule_the_config_which_overrules_defaults(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("seed: 1\nppo: {gamma: 0.9, n_epochs: 2}\n")
    asked = Asked(
        "ppo",
        str(tmp_path / "c.yaml"),
        (("seed", "2"),),
        ("ppo.gamma=0.98", "policy.hidden=[32]"),
    )
    request = ppo(resolve(asked))
    assert (request.seed, request.ppo.gamma, request.ppo.n_epochs) == (2, 0.98, 2)
    assert request.policy.hidden == (32,)
    assert request.ppo.vf_coef == PPORequest().ppo.vf_coef


def test_null_is_a_value_of_its_own() -> None:
    assert ppo(resolve(Asked("ppo", sets=("ppo.target_kl=null",)))).ppo.target_kl is None


@pytest.mark.parametrize("text", ["10M", "10_000_000", "1e7", "10000k"])
def test_steps_may_be_written_as_people_write_them(text: str) -> None:
    request = resolve(Asked("ppo", options=(("training.total_steps", text),)))
    assert request.training.total_steps == 10_000_000


def test_paths_do_not_depend_on_the_folder_where_the_run_will_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    request = resolve(Asked("ppo", options=(("data", "sets/a"), ("init_from", "~/b.pt"))))
    assert request.data == tmp_path / "sets/a"
    assert request.init_from == Path("~/b.pt").expanduser()


@pytest.mark.parametrize("word", ["ppo", "PPO", "Ppo"])
def test_the_algorithm_is_read_in_any_case(word: str, tmp_path: Path) -> None:
    assert with_config(tmp_path, f"algorithm: {word}\n").algorithm == "PPO"


def test_a_resolved_config_resolves_to_the_same_request(tmp_path: Path) -> None:
    request = resolve(
        Asked("ppo", "ppo", sets=("ppo.learning_rate=1e-5", "ppo.target_kl=null"))
    )
    assert with_config(tmp_path, as_yaml(request)) == request


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.dictionaries(st.sampled_from(list(fields_of(PPORequest))), st.text(max_size=12)))
def test_any_text_for_any_setting_makes_a_request_or_a_user_error(
    tmp_path: Path, values: dict[str, str]
) -> None:
    asked = Asked("ppo", sets=tuple(f"{path}={text}" for path, text in values.items()))
    try:
        request = resolve(asked)
    except UserError as error:
        message = str(error)
    else:
        assert with_config(tmp_path, as_yaml(request)) == request
        return
    assert message.replace("\n", "").isprintable()


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.binary(max_size=60) | st.text(alphabet="a:{}[]&*!?|>-'\"#%@` \n\t1.", max_size=60))
def test_any_file_makes_a_request_or_a_user_error(tmp_path: Path, text: str | bytes) -> None:
    try:
        with_config(tmp_path, text)
    except UserError as error:
        message = str(error)
    else:
        return
    assert message.replace("\n", "").isprintable()


BAD = {
    "misspelt": ("ppo: {gama: 0.9}", "`ppo.gama` is not a setting; did you mean `ppo.gamma`"),
    "misplaced": ("gamma: 0.9", "`gamma` is not a setting; did you mean `ppo.gamma`"),
    "strange": ("ppo: {zzz: 1}", "there are `learning_rate`"),
    "wrong type": ("ppo: {gamma: high}", "`ppo.gamma` is `high`; it is a number from 0 to 1."),
    "switch": ("seed: yes", "`seed` is `true`; it is a whole number from 0"),
    "fraction": ("ppo: {n_epochs: 2.5}", "`ppo.n_epochs` is `2.5`; it is a whole number"),
    "too high": ("ppo: {gamma: 1.2}", "`ppo.gamma` is `1.2`; it is a number from 0 to 1."),
    "zero": ("ppo: {learning_rate: 0}", "it is a number above 0 up to 1."),
    "not a number": ("ppo: {gamma: .nan}", "`ppo.gamma` is `nan`; it is a number from 0 to 1."),
    "infinite": ("environment: {horizon_s: .inf}", "it is a number from 1 to 60."),
    "choice": (
        "environment: {traffic: none}",
        "it is one of `idm`, `replay`, `mixed` and `policy`.",
    ),
    "other world": ("environment: {name: CartPole-v1}", "it is `ADPlanning-v0`."),
    "section": ("training: 5", "`training` is `5`; it is a section of `total_steps`"),
    "item": (
        "policy: {hidden: [64, -1]}",
        "`policy.hidden` is `-1`; it is a list such as",
    ),
    "run id": ("run_id: a/b", "1 to 64 letters, digits, `.`, `_` or `-`"),
    "algorithm": ("algorithm: SAC", "under `/train ppo` it is `PPO`"),
    "repeated key": ("seed: 1\nseed: 2", "`seed` is repeated in line 2"),
    "not YAML": ("ppo: [1", "it is not YAML (line 1"),
    "tab": ("ppo:\n\tgamma: 1", "it is not YAML (line 2"),
    "code": ("a: !!python/object/apply:os.system ['touch X']", "nothing was run"),
    "own tag": ("seed: !mine 3", "holds a tag"),
    "alias": ("a: &a [1]\nb: *a", "it holds an alias"),
    "list": ("- seed", "holds no settings"),
    "empty": ("", "holds no settings"),
    "two documents": ("seed: 1\n---\nseed: 2", "it is not YAML"),
    "key": ("1: 2", "the key in line 1 is not a word"),
    "listed key": ("? [a]\n: b", "the key in line 1 is not a word"),
    "date": ("seed: 2026-13-45", "cannot be read"),
    "long number": (f"seed: {'1' * 5000}", "cannot be read"),
    "deep": ("a: " + "[" * 5000, "nested too deeply"),
    "binary": (b"\xff\xfe\x00\x01", "it is not text in UTF-8"),
    "huge": ("#" * (LARGEST_CONFIG + 1), "it is larger than 256 KB"),
    "escape": ("\x1b[2J: 1", "it is not YAML"),
}


@pytest.mark.parametrize(("text", "words"), BAD.values(), ids=BAD)
def test_a_bad_config_is_refused_with_what_is_allowed_and_nothing_is_run(
    text: str | bytes, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RequestError) as refusal:
        with_config(tmp_path, text)
    assert words in str(refusal.value)
    assert len(str(refusal.value)) < 800
    assert os.listdir(tmp_path) == ["config.yaml"]  # noqa: PTH208 - names only


@pytest.mark.parametrize(("text", "words"), BAD.values(), ids=BAD)
def test_every_refusal_suggests_a_command(
    text: str | bytes, words: str, tmp_path: Path
) -> None:
    del words
    with pytest.raises(RequestError) as refusal:
        with_config(tmp_path, text)
    assert isinstance(parse(suggested(refusal.value)), Start)


def suggested(error: UserError) -> str:
    (command,) = re.findall(r"[Tt]ry `(/train [^`]*)`\.$", str(error))
    return str(command)


def test_what_is_suggested_for_a_bad_value_works(tmp_path: Path) -> None:
    with pytest.raises(RequestError) as refusal:
        with_config(tmp_path, "ppo: {gamma: 1.2, n_epochs: 0}\nseed: -1\n", "ppo.vf_coef=0.25")
    command = parse(suggested(refusal.value))
    assert isinstance(command, Start)
    request = ppo(resolve(command.asked))
    assert request.ppo == PPOSettings(vf_coef=0.25)
    assert request.seed == 0


@pytest.mark.parametrize("text", ["=3", "ppo=3", "zzz=1"])
def test_a_mistake_without_a_correction_suggests_no_run(text: str) -> None:
    with pytest.raises(RequestError, match=r"Try `/train help ppo`\.$"):
        resolve(Asked("ppo", sets=(text,)))


def test_a_value_that_is_set_twice_is_said_so() -> None:
    with pytest.raises(RequestError, match=r"`ppo\.gamma` is set twice; set it once"):
        resolve(Asked("ppo", sets=("ppo.gamma=0.9", "ppo.gamma=0.8")))


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(RequestError) as refusal:
        with_config(tmp_path, "seed: -1\nppo: {gamma: 2, gama: 1}", "ppo.clip=1", "seeed=1")
    message = str(refusal.value)
    assert message.startswith("There are 5 problems:\n- ")
    for name in ("`ppo.clip`", "`seeed`", "`seed`", "`ppo.gamma`", "`ppo.gama`"):
        assert f"\n- {name} is " in message


BAD_SETS = {
    "gamma=0.9": "did you mean `ppo.gamma`",
    "ppo.gama=0.9": "did you mean `ppo.gamma`",
    "ppo=3": "`ppo` is a section; set one of `ppo.learning_rate`",
    "ppo.gamma": "`--set` takes `path=value`",
    "=3": "is not a setting",
    "ppo.gamma=": "`ppo.gamma` is ``; it is a number",
    "ppo.gamma=$(touch X)": "`ppo.gamma` is `$(touch X)`",
    "ppo.gamma=`touch X`": "it is a number from 0 to 1.",
    "policy.hidden=64": "it is a list such as [64, 64]",
    "policy.hidden=[!!python/name:os.system ]": "it is a list such as",
    "device=gpu": "`auto`, `cpu`, `cuda` or `cuda:N`",
    "data=": "`data` is ``; it is a path",
    "data=a\0b": "it is a path",
}


@pytest.mark.parametrize(("text", "words"), BAD_SETS.items())
def test_a_bad_set_is_refused_with_what_is_allowed(
    text: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RequestError) as refusal:
        resolve(Asked("ppo", sets=(text,)))
    assert words in str(refusal.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "asked",
    [
        Asked("ppo", options=(("seed", "1"),), sets=("seed=2",)),
        Asked("ppo", sets=("seed=1", "seed=2")),
    ],
)
def test_one_value_is_set_once(asked: Asked) -> None:
    with pytest.raises(RequestError, match="set it once"):
        resolve(asked)


@pytest.mark.parametrize("name", ["pop", "nowhere/ppo.yaml", "x" * 5000, "a\0b", "/", "", "."])
def test_a_config_that_is_nowhere_is_not_found(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        NotFoundError, match=r"config \(.*`ppo`.*\)\. Try `/train (\w+) --config \1`"
    ):
        resolve(Asked("ppo", name))


def test_an_option_is_named_as_it_was_typed() -> None:
    with pytest.raises(RequestError) as refusal:
        resolve(Asked("ppo", options=(("run_id", "a/b"), ("training.total_steps", "0"))))
    assert "`--run-id` is `a/b`" in str(refusal.value)
    assert "`--steps` is `0`; it is a whole number from 1 to" in str(refusal.value)


def test_every_setting_is_described_and_its_example_is_allowed() -> None:
    for path, facts in fields_of(PPORequest).items():
        assert facts.meaning.endswith("."), path
        resolve(Asked("ppo", sets=(f"{path}={facts.example}",)))


def test_help_states_the_defaults_that_hold() -> None:
    values = PPORequest().model_dump(mode="json")
    for path, facts in fields_of(PPORequest).items():
        value = values
        for part in path.split("."):
            value = value[part]
        assert facts.default == value, path


def test_what_names_a_run_is_stated_alike_for_requests_and_folders() -> None:
    assert f"^{RUN_ID.pattern}$" == RUN_ID_PATTERN


def test_the_config_is_dumped_as_plain_yaml() -> None:
    assert yaml.safe_load(as_yaml(resolve(Asked("ppo"))))["policy"]["hidden"] == [256, 256]


@pytest.mark.parametrize("verb", ["ppo", "hybrid"])
def test_a_batch_larger_than_the_rollout_is_refused_with_a_command_that_works(
    verb: str,
) -> None:
    sets = ("ppo.n_steps=16", "environment.num_envs=8", "ppo.batch_size=512")
    with pytest.raises(RequestError, match="more than the `128` transitions") as refusal:
        resolve(Asked(verb, sets=sets))
    told = str(refusal.value).rpartition(f"`/train {verb} ")[2].removesuffix("`.").split(" ")
    resolve(Asked(verb, sets=tuple(word for word in told if word != "--set")))


def test_a_run_shorter_than_a_batch_is_allowed() -> None:
    resolve(Asked("ppo", sets=("training.total_steps=1000",)))
