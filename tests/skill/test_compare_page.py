"""A comparison in words: only what is sure is called better."""

from typing import Any

from skill.compare_page import MEASURES, TOLD, Compared, compare_report, differing_settings


def mean(value: float) -> dict[str, float]:
    return {"mean": value, "low": value - 0.05, "high": value + 0.05}


def driver(name: str, runs: tuple[str, ...], score: float | None) -> dict[str, Any]:
    kind = {"scenarios": 20, "groups": 10, "success": mean(0.5)}
    told = None if score is None else mean(score)
    return {
        "name": name,
        "algorithm": "PPO" if runs else None,
        "runs": runs,
        "seeds": list(range(len(runs))),
        "steps": [350_000] * len(runs),
        "measures": {measure: mean(0.5) for measure in TOLD} | {"score": told},
        "by_type": {"merge": kind | {"score": told}, "straight": kind | {"score": told}},
    }


def contrast(measure: str, gap: float, verdict: str, p: float = 0.004) -> dict[str, Any]:
    return {
        "first": "ppo_a, ppo_b",
        "second": "IDM",
        "measure": measure,
        "scenarios": 128,
        "groups": 36,
        "difference": {"mean": gap, "low": gap - 0.02, "high": gap + 0.02, "p": p / 4},
        "p_corrected": p,
        "verdict": verdict,
    }


def comparison(*contrasts: dict[str, Any]) -> dict[str, Any]:
    return {
        "data": {
            "name": "built-in",
            "split": "test",
            "scenarios": 128,
            "groups": 36,
            "licences": ["generated"],
        },
        "traffic": "idm",
        "horizon_s": 15.0,
        "actuators": "filtered",
        "stored": [],
        "drivers": [driver("ppo_a, ppo_b", ("ppo_a", "ppo_b"), 0.9), driver("IDM", (), 0.8)],
        "comparisons": list(contrasts),
    }


def shown(facts: dict[str, Any], requests: tuple[dict[str, Any], ...] = ()) -> str:
    return compare_report(Compared(facts, requests)).markdown


def test_a_comparison_reads_like_this() -> None:
    text = shown(
        comparison(
            contrast("score", 0.1, "better"),
            contrast("success", 0.01, "unclear", p=0.4),
            contrast("at_fault_collision", -0.06, "better", p=0.0004),
            contrast("progress", -0.05, "worse"),
        )
    )
    assert text.startswith(
        "## Comparison of 2 drivers\n"
        "\n"
        "128 `test` scenarios of `built-in` from 36 drives, licence `generated`, traffic "
        "`idm`, at most 15s, actuators `filtered`. In brackets: 95 % interval.\n"
        "\n"
        "- `ppo_a, ppo_b`: `PPO`, mean of its seeds (0, 1), policy of step 350K, 350K\n"
        "\n"
        "| Driver | Score | Success | At-fault collision | Collision | Off-road | Progress | "
        "Comfortable |\n"
        "|--------|-------|---------|--------------------|-----------|----------|----------|"
        "-------------|\n"
        f"| `ppo_a, ppo_b` | 0.90 (0.85-0.95) |{' 50% (45-55%) |' * 6}\n"
        f"| `IDM` | 0.80 (0.75-0.85) |{' 50% (45-55%) |' * 6}\n"
        "\n"
        "### Who is better\n"
        "\n"
        "- `ppo_a, ppo_b` is better than `IDM`: score 0.100 higher (0.080 to 0.120); "
        "at-fault collision 6.0 points lower (4.0 to 8.0).\n"
        "- `IDM` is better than `ppo_a, ppo_b`: progress 5.0 points higher (3.0 to 7.0).\n"
        "- `ppo_a, ppo_b` and `IDM`: not sure in success.\n"
        "\n"
        "| Difference | Score | Success | At-fault collision | Progress |\n"
    )
    assert (
        "| `ppo_a, ppo_b` less `IDM` | +0.100 (+0.080 to +0.120), p 0.004 "
        "| +1.0% (-1.0% to +3.0%), p 0.400 | -6.0% (-8.0% to -4.0%), p < 0.001 "
        "| -5.0% (-7.0% to -3.0%), p 0.004 |"
    ) in text
    assert "raised for the 4 comparisons of this page" in text


def test_few_drives_are_said_to_be_too_few_and_nobody_is_called_better() -> None:
    text = shown(comparison(*(contrast(name, 0.3, "too_few") for name in MEASURES)))
    assert "Too few groups to tell: the scenarios come from 36 drives, and 30 are" in text
    assert "- `ppo_a, ppo_b` and `IDM`: too few groups to tell." in text
    assert "is better than" not in text


def test_what_is_not_sure_is_not_called_equal() -> None:
    text = shown(comparison(*(contrast(name, 0.01, "unclear") for name in MEASURES)))
    assert "- `ppo_a, ppo_b` and `IDM`: no difference is sure." in text


def test_one_seed_is_said_to_tell_of_one_policy() -> None:
    facts = comparison(contrast("score", 0.1, "better"))
    assert "With one seed" not in shown(facts)
    facts["drivers"][0] = driver("ppo_a", ("ppo_a",), None)
    text = shown(facts)
    assert "With one seed the page tells which policy drives better" in text
    assert "| `ppo_a` | - | 50% (45-55%) |" in text


def test_types_and_settings_that_differ_stand_in_tables() -> None:
    requests = (
        {"run_id": "a", "seed": 0, "ppo": {"gamma": 0.98}, "data": None},
        {"run_id": "b", "seed": 1, "ppo": {"gamma": 0.9, "clip": 0.2}, "data": None},
    )
    assert differing_settings(requests) == {"ppo.gamma": [0.98, 0.9], "ppo.clip": [None, 0.2]}
    text = shown(comparison(contrast("score", 0.1, "better")), requests)
    assert "| `merge` | 20 (10) | 0.90 (0.85-0.95) | 0.80 (0.75-0.85) |" in text
    assert "Types of fewer than 30 drives: their intervals are rough." in text
    assert text.endswith(
        "| Setting | `a` | `b` |\n"
        "|---------|-----|-----|\n"
        "| `ppo.gamma` | `0.98` | `0.9` |\n"
        "| `ppo.clip` | - | `0.2` |"
    )
