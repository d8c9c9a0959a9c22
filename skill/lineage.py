"""What a run comes from, data and other trainings: records → Markdown. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from drivetrain.numbers import short_count
from skill.table import untrusted, word


def lineage_lines(request: Mapping[str, Any], lineage: Mapping[str, Any]) -> Iterable[str]:
    """What a run started from and imitated: as it was asked for, and by hashes."""
    for what, name in (("Imitates", "expert_data"), ("Started from", "init_from")):
        if request.get(name):
            yield f"- {what}: {untrusted(str(request[name]), 200)}"
    shown, policy = lineage.get("demonstrations"), lineage.get("imitated")
    if isinstance(shown, Mapping):
        driver = untrusted(str(shown.get("driver")), 20)
        episodes = word(shown.get("episodes", "?"))
        digest = untrusted(str(shown.get("sha256"))[:12])
        yield f"- Demonstrations: {episodes} episodes of {driver}, hash {digest}"
    if isinstance(policy, Mapping):
        maker, step = untrusted(str(policy.get("algorithm")), 20), policy.get("step")
        digest = untrusted(str(policy.get("sha256"))[:12])
        count = short_count(step if isinstance(step, int) else None)
        yield f"- Imitates by: a policy of {maker}, step {count}, hash {digest}"
