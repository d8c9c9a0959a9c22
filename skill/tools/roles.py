"""What each agent may call. The door holds them to it, whatever their prompts say."""

from collections.abc import Mapping
from typing import Final

READING: Final = ("train_status", "train_logs", "train_wait", "train_data")
ROLES: Final[Mapping[str, tuple[str, ...]]] = {
    "model-trainer": (
        "train_ppo",
        "train_sac",
        "train_bc",
        "train_gail",
        "train_hybrid",
        *READING,
        "train_resume",
        "train_stop",
    ),
    "ad-experiment-manager": (*READING, "train_compare", "train_eval", "train_propose"),
}
