"""Makes `gymnasium.make("ADPlanning-v0")` work; gymnasium calls `register` by entry point.

Nothing heavy is imported: the environment itself loads when it is made.
"""

from gymnasium.envs.registration import register as register_environment

from drivetrain.sim.config import ENVIRONMENT_ID


def register() -> None:
    """Tell gymnasium where the environment and its batched form are."""
    register_environment(
        ENVIRONMENT_ID,
        entry_point="drivetrain.sim.gymnasium_env:ADPlanningEnv",
        vector_entry_point="drivetrain.sim.gymnasium_env:ADPlanningVectorEnv",
    )
