"""Any graph of lanes as nuPlan tells graphs: lanes and connectors in turn.

A connector leads from one lane to one other. A piece of an intersection that more lanes lead
to, or that leads to more, is told as a lane; and where a lane follows a lane, or a connector a
connector, a gap of a few millimetres of the other kind is put between.
"""

from collections import Counter
from typing import NamedTuple

from drivetrain.sim.scenario import Road

FIRST_LANE = 101
FIRST_CONNECTOR = 5001
FIRST_GAP = 40_001


class Gap(NamedTuple):
    """What stands between two lanes of a road; number: its own."""

    number: int
    before: int
    after: int
    is_connector: bool


class Graph:
    """How a road's lanes are numbered and told.

    is_connector: for each lane of the road, whether it is told as a connector.
    links: for each connector's number, the numbers of the lanes it leaves and enters.
    """

    def __init__(self, road: Road) -> None:
        leads_in = Counter(after for lane in road.lanes for after in lane.successors)
        self.is_connector = [
            lane.is_connector and len(lane.successors) <= 1 and leads_in[at] <= 1
            for at, lane in enumerate(road.lanes)
        ]
        self.gaps: list[Gap] = []
        self.links: dict[int, tuple[int | None, int | None]] = {}
        for at, lane in enumerate(road.lanes):
            if self.is_connector[at]:
                self.links.setdefault(self.number(at), (None, None))
            for after in lane.successors:
                self._join(at, after)

    def number(self, at: int) -> int:
        """The number of a lane of the road."""
        return (FIRST_CONNECTOR if self.is_connector[at] else FIRST_LANE) + at

    def lit(self, road: Road) -> dict[int, int]:
        """The light of each lit connector's number.

        A lane told as no connector is lit through the gaps that lead to it.
        """
        found = {
            self.number(at): lane.light
            for at, lane in enumerate(road.lanes)
            if lane.light >= 0 and self.is_connector[at]
        }
        for gap in self.gaps:
            light = road.lanes[gap.after].light
            if gap.is_connector and light >= 0:
                found[gap.number] = light
        return found

    def _join(self, before: int, after: int) -> None:
        first, second = self.is_connector[before], self.is_connector[after]
        if first != second:
            self._link(self.number(before), self.number(after), second)
            return
        gap = Gap(FIRST_GAP + len(self.gaps), before, after, not first)
        self.gaps.append(gap)
        self._link(self.number(before), gap.number, gap.is_connector)
        self._link(gap.number, self.number(after), not gap.is_connector)

    def _link(self, before: int, after: int, to_connector: bool) -> None:  # noqa: FBT001
        connector = after if to_connector else before
        leaves, enters = self.links.get(connector, (None, None))
        self.links[connector] = (before, enters) if to_connector else (leaves, after)
