"""What both agents are run with, where nobody says otherwise."""

import os
from typing import Final

DEFAULT_MODEL: Final = "claude-sonnet-5-5"
MODEL_VARIABLE: Final = "DRIVETRAIN_MODEL"
REPLY_TOKENS: Final = 8_192
"""The longest single reply of the model."""
RETRIES: Final = 4
"""How often a request that was refused for a moment is sent again, ever later."""
STRICT: Final = frozenset({"train_resume", "train_stop"})
"""Tools whose calls the API itself holds to their schema.

Those that act and take few arguments: strict schemas may hold few optional ones, and a start
has a dozen. The door checks every call in any case.
"""


def model_named(given: str | None) -> str:
    """The model to ask: the one given, else the environment's, else the usual one."""
    return given or os.environ.get(MODEL_VARIABLE) or DEFAULT_MODEL
