"""What torch and NVML say of themselves, asked in a child that may hang or die.

`python -m drivetrain.doctor.heavy_child` imports them; nothing else here ever does.
"""

from dataclasses import dataclass

from drivetrain.doctor.child import NoAnswerError, ask

CHILD = ("-m", "drivetrain.doctor.heavy_child")
PATIENCE_S = 90.0
"""The first import after an installation compiles; a GPU without persistence mode wakes."""


@dataclass(frozen=True, slots=True)
class Heavy:
    """torch: its version, None where it does not load.  cuda: that it was built for.

    cuda_devices: GPUs that torch computed on.  gpus: their names, as NVML tells.  Errors are
    empty where there was none.
    """

    torch: str | None = None
    torch_error: str = ""
    cuda: str | None = None
    cuda_devices: int = 0
    cuda_error: str = ""
    driver: str = ""
    gpus: tuple[str, ...] = ()
    mig: bool = False
    nvml_error: str = ""


def ask_heavy() -> Heavy:
    """What the child found out; what ended it where it found nothing."""
    try:
        facts = ask(CHILD, PATIENCE_S)
        return Heavy(**{**facts, "gpus": tuple(facts["gpus"])})
    except NoAnswerError as error:
        words = str(error)
    except (TypeError, KeyError):
        words = "its answer cannot be read"
    return Heavy(torch_error=words, nvml_error=words)
