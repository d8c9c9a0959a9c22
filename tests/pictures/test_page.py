"""Replay pages as text: small, whole, and harmless whatever they are told."""

import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from drivetrain.pictures import page
from drivetrain.pictures.metric_words import METRIC_WORDS
from drivetrain.pictures.page import MOST_BYTES, index_of, page_of
from drivetrain.pictures.recording import Recording
from drivetrain.sim.score.terms import METRICS
from tests.pictures.recorded import REPLAYED, busy_scene, recorded

MEAN = (
    "</script>",
    "</script ",
    "<script ",
    "<!--",
    "<script>alert(1)</script>",
    "{{data}}",
    "' onload=x",
    "\u2028",
    "&lt;",
)


@pytest.fixture(scope="module")
def recording() -> Recording:
    (one,) = recorded([busy_scene()], settings=REPLAYED)
    return one


class Tags(HTMLParser):
    """The tags of a page, its links, and what its data says."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.data = ""
        self._in_data = False

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        self._in_data = ("id", "recording") in attrs

    @override
    def handle_data(self, data: str) -> None:
        self.data += data if self._in_data else ""

    @override
    def handle_endtag(self, tag: str) -> None:
        self._in_data = False


def read(text: str) -> Tags:
    tags = Tags()
    tags.feed(text)
    tags.close()
    return tags


def data_in(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(read(text).data)
    return found


def test_a_page_names_no_other_file(recording: Recording) -> None:
    text = page_of(recording)
    assert read(text).links == []
    assert not re.findall(r"https?://|@import|url\(|\bfetch\(|XMLHttpRequest|import\(", text)
    assert len(text.encode()) < MOST_BYTES / 5


def test_a_page_holds_every_place_to_the_centimetre(recording: Recording) -> None:
    data = data_in(page_of(recording))
    for agent, spans in enumerate(each["spans"] for each in data["agents"]):
        ((start, count, x, *_),) = spans
        assert (start, count) == (0, recording.frames)
        told = np.cumsum(np.pad(x, (0, count - len(x)))) / 100
        assert told == pytest.approx(recording.agents.x_m[:, agent], abs=0.04)


@settings(max_examples=20, deadline=None)
@given(
    st.text(max_size=40)
    | st.sampled_from(MEAN)
    | st.tuples(*[st.sampled_from(MEAN)] * 3).map("".join)
)
def test_no_name_becomes_markup(recording: Recording, name: str) -> None:
    plain_tags = read(page_of(recording)).tags
    facts = dict.fromkeys(recording.facts, name)
    text = page_of(replace(recording, facts=facts, driver=name))
    assert read(text).tags == plain_tags
    assert data_in(text)["facts"]["id"] == name
    # Stricter than any parser: nothing in the data could begin markup.
    assert not set("<>&\u2028") & set(read(text).data)
    index = index_of([(replace(recording, facts=facts), f"{name}.html", "a.gif")], name)
    assert sorted(set(read(index).tags)) == sorted(
        set(read(index_of([(recording, "a.html", "a.gif")], "a")).tags)
    )


def test_a_page_that_grew_too_large_leaves_out_who_was_far_away(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "COARSER_M", (0.0,))
    whole = page_of(recording)
    monkeypatch.setattr(page, "MOST_BYTES", len(whole.encode()) - 100)
    data = data_in(page_of(recording))
    agents, others = data["agents"], len(recording.agents.number) - 1
    assert agents[0]["number"] == 0
    assert 1 <= len(agents) <= others
    assert f"only {len(agents) - 1} of {others} others fit" in data["about"]
    assert "others fit" not in data_in(whole)["about"]


def with_wavy_edge(recording: Recording, points: int, height_m: float) -> Recording:
    along = np.linspace(0.0, 100.0, points)
    edge = np.column_stack([along, height_m * np.sin(40.0 * along)])
    return replace(recording, shapes=replace(recording.shapes, edges=(edge,)))


def test_a_map_gets_plainer_before_anybody_is_left_out(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    wavy = with_wavy_edge(recording, points=5_000, height_m=0.1)
    whole = page_of(wavy)
    monkeypatch.setattr(page, "MOST_BYTES", len(whole.encode()) - 100)
    plainer, before = data_in(page_of(wavy)), data_in(whole)
    assert len(plainer["map"]["edges"][0]) < len(before["map"]["edges"][0])
    assert plainer["agents"] == before["agents"]


def test_a_page_whose_map_alone_is_too_large_does_without_it(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = len(page_of(recording).encode()) + 1_000
    monkeypatch.setattr(page, "MOST_BYTES", limit)
    text = page_of(with_wavy_edge(recording, points=60_000, height_m=50.0))
    assert len(text.encode()) < limit
    data = data_in(text)
    assert data["map"]["edges"] == []
    assert data["agents"][0]["number"] == 0


def test_who_comes_and_goes_is_seen_only_then(recording: Recording) -> None:
    present = recording.agents.present.copy()
    present[20:40, 1] = False
    present[:, 2] = False
    gone = replace(recording, agents=replace(recording.agents, present=present))
    spans = {each["number"]: each["spans"] for each in data_in(page_of(gone))["agents"]}
    assert [span[:2] for span in spans[1]] == [[0, 20], [40, recording.frames - 40]]
    assert spans[2] == []


def test_a_lone_surrogate_in_a_name_can_be_written_down(recording: Recording) -> None:
    odd = replace(recording, facts={**recording.facts, "id": "a\ud800b"})
    assert page_of(odd).encode()


def test_a_page_and_an_index_tell_what_the_score_is_made_of(recording: Recording) -> None:
    outcome = replace(
        recording.outcome,
        score=0.25,
        metrics={
            "nuplan_no_ego_at_fault_collisions": 0.5,
            "nuplan_time_to_collision_within_bound": 1.0,
            "nuplan_speed_limit_compliance": math.nan,
            "lateral_mps2": 1.234,
        },
    )
    told = replace(recording, outcome=outcome)
    data = data_in(page_of(told))
    assert ["Score", "0.25", ""] in data["badges"]
    shown = {name: rest for name, *rest in data["metrics"]}
    assert shown["No collision at fault"] == ["0.50", "bad", "factor"]
    assert shown["Time to collision"] == ["1.00", "good", "weight 5"]
    assert shown["Speed limit"] == ["not known", "", "weight 4"]
    assert shown["Most lateral acceleration"] == ["1.23 m/s²", "", ""]
    index = index_of([(told, "a.html", "a.gif")], "Replays")
    assert '<td>No collision at fault</td><td class="bad">0.50</td>' in index
    assert '<td>Speed limit</td><td class="">not known</td>' in index
    assert "lateral" not in index


def test_a_drive_that_cannot_be_scored_says_so(recording: Recording) -> None:
    outcome = replace(recording.outcome, score=math.nan, metrics={})
    data = data_in(page_of(replace(recording, outcome=outcome)))
    assert ["Score", "not known", ""] in data["badges"]
    assert len(data["metrics"]) == len(METRIC_WORDS) == len(METRICS)
    assert {value for _, value, *_ in data["metrics"]} == {"not known"}


def test_red_lights_that_did_not_end_a_drive_are_told(recording: Recording) -> None:
    def badges(end_reason: str, red_lights: int) -> list[list[str]]:
        outcome = replace(recording.outcome, end_reason=end_reason, red_lights=red_lights)
        found: list[list[str]] = data_in(page_of(replace(recording, outcome=outcome)))["badges"]
        return found

    assert ["", "Ran a red light", "bad"] in badges("time", 1)
    assert ["", "Ran 2 red lights", "bad"] in badges("route_end", 2)
    assert badges("red_light", 1).count(["", "Ran a red light", "bad"]) == 1
    assert not any("red light" in badge[1] for badge in badges("time", 0))
