"""What a run comes from, data and other trainings: records → Markdown. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from drivetrain.numbers import short_count
from skill.table import untrusted


def lineage_lines(init_from: object, lineage: Mapping[str, Any]) -> Iterable[str]:
    """What a run started from and imitated, by the beginnings of their hashes.

    init_from: the checkpoint that its request names, if any.
    """
    if init_from:
        yield f"- Started from: {untrusted(str(init_from), 200)}"
    shown, policy = lineage.get("demonstrations"), lineage.get("imitated")
    if isinstance(shown, Mapping):
        driver, episodes = untrusted(str(shown.get("driver")), 20), shown.get("episodes", "?")
        digest = untrusted(str(shown.get("sha256"))[:12])
        yield f"- Demonstrations: {episodes} episodes of {driver}, hash {digest}"
    if isinstance(policy, Mapping):
        maker, step = untrusted(str(policy.get("algorithm")), 20), policy.get("step")
        digest = untrusted(str(policy.get("sha256"))[:12])
        count = short_count(step if isinstance(step, int) else None)
        yield f"- Imitates by: a policy of {maker}, step {count}, hash {digest}"


def data_words(data: str | None, licences: Sequence[str]) -> str:
    """The scenario set that a request names, and under which licences it came."""
    if data is None:
        return "built-in generated scenarios"
    return f"{untrusted(data, 200)}, licence {listed(licences)}"


def listed(licences: Sequence[str]) -> str:
    """Licences, as inline code."""
    return ", ".join(untrusted(str(name), 60) for name in licences) or "unknown"
