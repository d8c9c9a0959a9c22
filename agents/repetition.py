"""Whether an agent goes round in circles: the same call, answered the same, again and again."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

ONE_TOO_MANY = 3
WAITED_S = 5.0
"""A call that took longer waited for something; to ask again after that is no circle."""


class Repetition:
    """All calls so far, with what they were answered."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def is_circle(
        self, tool: str, arguments: Mapping[str, Any], answer: str, took_s: float
    ) -> bool:
        """Whether this call and its answer have come so often that more lead nowhere."""
        if took_s > WAITED_S:
            return False
        call = json.dumps([tool, arguments, answer], sort_keys=True, default=str)
        self._seen[call] += 1
        return self._seen[call] >= ONE_TOO_MANY
