import math

from hypothesis import given, settings
from hypothesis import strategies as st

from drivetrain.sim.angles import unit_vector


@settings(deadline=None)
@given(st.floats(-math.pi, math.pi))
def test_a_heading_has_the_cosine_and_sine_of_the_library(heading: float) -> None:
    cos, sin = unit_vector(heading)
    assert abs(cos - math.cos(heading)) <= 1e-15
    assert abs(sin - math.sin(heading)) <= 1e-15


def test_quarter_turns_are_as_near_as_floats_are() -> None:
    for quarters, expected in [(-1, (0, -1)), (0, (1, 0)), (1, (0, 1)), (2, (-1, 0))]:
        cos, sin = unit_vector(quarters * math.pi / 2)
        assert abs(cos - expected[0]) <= 1e-15
        assert abs(sin - expected[1]) <= 1e-15
