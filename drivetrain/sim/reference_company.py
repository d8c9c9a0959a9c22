"""A group in self-play in the plainest Python: the kernels must agree with it step by step.

Every seat is a `ReferenceWorld` of its own, whose others are the siblings' egos and, for
vehicles without a seat, their logs.
"""

from collections.abc import Mapping, Sequence

from drivetrain.sim.collide import boxes_touch, edge_crosses
from drivetrain.sim.config import EnvironmentSettings
from drivetrain.sim.reference import Entry, Outcome, ReferenceWorld
from drivetrain.sim.road import ROUTE_END_M
from drivetrain.sim.scenario import PATH_SPACING_M, ScenarioArrays
from drivetrain.sim.seats import agent_in_seat
from drivetrain.sim.state import Body, EndReason
from drivetrain.sim.traffic import ENTRY_GAP_M, ENTRY_GAP_S

Bodies = Mapping[int, Body | None]
"""Where the agents with a seat are, by their rows; None for those off stage."""


class ReferenceSeat(ReferenceWorld):
    """One vehicle of a group, from where its episode begins."""

    @property
    def body(self) -> Body:
        """Where it is."""
        return self._ego_body()

    def drive(self, action: Sequence[float]) -> None:
        """Its own move of a step."""
        self._step += 1
        self._move_ego(action)

    def look_about(self, siblings: Bodies) -> None:
        """Everybody else, where they are now."""
        for agent in self._agents:
            self._replay(agent)
            if agent.row in siblings:
                agent.body = siblings[agent.row]
        self._lead = self._find_lead(self._ego_follower())

    def judged(self) -> Outcome:
        """What the step showed."""
        return self._judged()

    def may_begin(self) -> bool:
        """Whether its place is free, on the road, and short of its route's end."""
        ego, speed, last = self.body, self._motion.speed, (self._points - 1) * PATH_SPACING_M
        gap = ENTRY_GAP_M + ENTRY_GAP_S * speed if self._step > 0 else 0.0
        needed = ego._replace(half_length=ego.half_length + gap)
        is_free = not any(boxes_touch(needed, other) for _, other in self._others())
        on_road = not any(edge_crosses(ego, edge) for edge in self._edges())
        return is_free and on_road and self._along < last - ROUTE_END_M


class ReferenceCompany:
    """A group in one scenario, from its start; it does not begin another.

    seats: the worlds of those on stage, by their number.
    """

    def __init__(
        self,
        scenarios: ScenarioArrays,
        settings: EnvironmentSettings,
        scenario: int,
        seats: int,
    ) -> None:
        self._scenarios, self._settings, self._scenario = scenarios, settings, scenario
        self._rows = [agent_in_seat(scenarios, scenario, seat) for seat in range(seats)]
        last = int(scenarios.steps[scenario]) - 1
        self._step, self._last_step = 0, max(min(settings.horizon, last), 1)
        self.seats: dict[int, ReferenceSeat] = {}
        self._admit()
        self._look_about()

    def step(self, actions: Sequence[Sequence[float]]) -> dict[int, Outcome]:
        """Everybody on stage moves; then who is due enters; then all are judged.

        Returns what each seat showed that was on stage before.
        """
        self._step += 1
        driving = dict(self.seats)
        for seat, world in driving.items():
            world.drive(actions[seat])
        self._admit()
        self._look_about()
        outcomes = {seat: world.judged() for seat, world in sorted(driving.items())}
        for seat, outcome in outcomes.items():
            if outcome.end_reason is not EndReason.NONE:
                del self.seats[seat]
        return outcomes

    def _admit(self) -> None:
        for seat, row in enumerate(self._rows):
            if seat in self.seats or row < 0 or not self._is_logged(row):
                continue
            if self._step >= self._last_step:
                continue
            world = ReferenceSeat(
                self._scenarios, self._settings, self._scenario, entry=Entry(row, self._step)
            )
            world.look_about(self._bodies())
            if (seat, self._step) == (0, 0) or world.may_begin():
                self.seats[seat] = world

    def _is_logged(self, row: int) -> bool:
        s = self._scenarios
        frame = int(s.first_frame[row]) + self._step - int(s.start_step[row])
        is_seen = int(s.first_frame[row]) <= frame < int(s.first_frame[row + 1])
        return is_seen and bool(s.valid[frame])

    def _look_about(self) -> None:
        bodies = self._bodies()
        for world in self.seats.values():
            world.look_about(bodies)

    def _bodies(self) -> dict[int, Body | None]:
        bodies: dict[int, Body | None] = {row: None for row in self._rows if row >= 0}
        for seat, world in self.seats.items():
            bodies[self._rows[seat]] = world.body
        return bodies
