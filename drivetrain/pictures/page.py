"""A replay as one HTML file that needs nothing else: no network, no other file."""

import base64
import hashlib
import html
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from drivetrain.pictures.animation import poster
from drivetrain.pictures.map_shapes import MapShapes, Points, coarser
from drivetrain.pictures.metric_words import metric_rows
from drivetrain.pictures.recording import Agents, Floats, Recording
from drivetrain.pictures.words import about, badges
from drivetrain.sim.config import STEP_S
from drivetrain.sim.reward import REWARD_PARTS
from drivetrain.sim.score.comfort import ALONG_MPS2
from drivetrain.sim.score.meeting import LEAST_TTC_S
from drivetrain.text import plain

MOST_BYTES: Final = 1_500_000
SOURCES: Final = Path(__file__).parent / "page"
SCRIPTS: Final = ("data.js", "scene.js", "charts.js", "player.js")
COARSER_M: Final = (0.0, 0.2, 0.5, 2.0)
"""How far a map's corners may move: a plainer map before an emptier road."""
STILL_M: Final = 0.03
"""Who moves less than this in a recording is written down once."""


def page_of(recording: Recording) -> str:
    """The page of one recording, smaller than MOST_BYTES if that can be.

    Where not all would fit, the map gets plainer; then those farthest from the ego are left
    out, and the page says so; last of all goes the map.
    """
    return next(filter(_fits, _plainer(recording)), None) or _page(_without_map(recording), 1)


def _fits(page: str) -> bool:
    return len(page.encode()) < MOST_BYTES


def _plainer(recording: Recording) -> Iterator[str]:
    """Pages of the recording, each smaller than the one before."""
    kept, coarse = len(recording.agents.number), recording
    for apart_m in COARSER_M:
        coarse = replace(recording, shapes=coarser(recording.shapes, apart_m))
        yield _page(coarse, kept)
    while kept > 1:
        kept = max(kept * 3 // 4, 1)
        yield _page(coarse, kept)


def _without_map(recording: Recording) -> Recording:
    bare = MapShapes((), (), (), (), recording.shapes.route, ())
    return replace(recording, shapes=bare)


def index_of(recordings: Sequence[tuple[Recording, str, str]], title: str) -> str:
    """A page of links to pages and animated images, each with its last picture.

    recordings: each with the names of its two files, which lie beside the index.
    """
    cards = "\n".join(_card(*each) for each in recordings)
    return _filled(
        "index.html",
        script="",
        texts={"title": html.escape(plain(title)), "cards": cards},
    )


def _card(recording: Recording, page: str, image: str) -> str:
    picture = io.BytesIO()
    poster(recording).save(picture, format="PNG", optimize=True)
    shown = base64.b64encode(picture.getvalue()).decode()
    marks = "".join(
        f'<li class="{kind}">{html.escape(f"{name} {value}".strip())}</li>'
        for name, value, kind in badges(recording)
    )
    name = html.escape(plain(recording.facts["id"]))
    link = html.escape(page, quote=True)
    return (
        f'<li><a href="{link}"><img src="data:image/png;base64,{shown}" alt="" width="320" '
        f'height="240"><h2>{name}</h2></a><p>{html.escape(about(recording))}</p>'
        f"<ul>{marks}</ul>{_score_table(recording)}"
        f'<p><a href="{html.escape(image, quote=True)}">Animated image</a></p></li>'
    )


def _score_table(recording: Recording) -> str:
    """What the score is made of; the page has the other metrics too."""
    rows = "".join(
        f'<tr><td>{html.escape(row.name)}</td><td class="{row.kind}">{html.escape(row.value)}'
        "</td></tr>"
        for row in metric_rows(recording.outcome.metrics)
        if row.counts
    )
    return f"<table><tbody>{rows}</tbody></table>"


def _page(recording: Recording, kept: int) -> str:
    """The page with the ego and so many of those that came nearest to it, itself included."""
    everybody = len(recording.agents.number)
    nearest = np.sort(_nearest_first(recording)[:kept])
    data = _data_of(_with_agents(recording, nearest))
    if kept < everybody:
        data["about"] += f" · only {kept - 1} of {everybody - 1} others fit on this page"
    script = "\n".join((SOURCES / name).read_text(encoding="utf-8") for name in SCRIPTS)
    title = plain(f"{recording.facts['id']} · {recording.driver}")
    return _filled(
        "page.html",
        script,
        {"title": html.escape(title), "data": _harmless(data)},
    )


def _filled(name: str, script: str, texts: Mapping[str, str]) -> str:
    """A template with its marks replaced, in one pass: what is put in is not looked at."""
    style = (SOURCES / "page.css").read_text(encoding="utf-8")
    policy = (
        "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"style-src '{_digest(style)}'; script-src '{_digest(script)}'"
    )
    marks = {**texts, "style": style, "script": script, "policy": policy}
    template = (SOURCES / name).read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda mark: marks[mark[1]], template)


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _harmless(data: Mapping[str, Any]) -> str:
    """JSON that no HTML parser takes for markup, whatever its texts hold."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _data_of(recording: Recording) -> dict[str, Any]:
    agents, outcome = recording.agents, recording.outcome
    return {
        "step_s": STEP_S,
        "frames": recording.frames,
        "facts": dict(recording.facts),
        "about": about(recording),
        "badges": badges(recording),
        "metrics": metric_rows(outcome.metrics),
        "end_reason": outcome.end_reason,
        "failed_at": recording.failed_at,
        "comfort": ALONG_MPS2,
        "ttc_s": LEAST_TTC_S,
        "agents": [_agent(agents, slot) for slot in range(len(agents.number))],
        "expert": _spans(recording.expert, ~np.isnan(recording.expert[:, 0])),
        "ego": {name: _known(values) for name, values in recording.ego.items()},
        "rewards": _known(recording.rewards),
        "reward_parts": {
            name: _known(recording.reward_parts[:, part])
            for part, name in enumerate(REWARD_PARTS)
        },
        "signals": ["".join(map(str, light)) for light in recording.signals.tolist()],
        "map": _map(recording.shapes),
    }


def _agent(agents: Agents, slot: int) -> dict[str, Any]:
    series = (agents.x_m, agents.y_m, agents.heading_rad, agents.speed_mps)
    track = np.column_stack([each[:, slot] for each in series])
    return {
        "number": int(agents.number[slot]),
        "category": int(agents.category[slot]),
        "length": round(float(agents.length_m[slot]), 2),
        "width": round(float(agents.width_m[slot]), 2),
        "spans": _spans(track, agents.present[:, slot]),
    }


def _spans(track: Floats, seen: NDArray[np.bool_]) -> list[list[Any]]:
    """Each time that somebody was seen: first frame, frames, then x, y, heading, speed.

    track: [frames, 4].  Whole hundredths (of the heading, thousandths), as changes.
    """
    edges = np.diff(np.concatenate([[0], seen.astype(np.int8), [0]]))
    spans: list[list[Any]] = []
    for start, end in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True):
        part = track[start:end].copy()
        part[:, 2] = np.unwrap(part[:, 2])
        stands = bool(np.ptp(part, axis=0).max() < STILL_M)
        part = part[:1] if stands else part
        columns = (part * [100.0, 100.0, 1000.0, 100.0]).T
        spans.append([int(start), int(end - start), *(_changes(each) for each in columns)])
    return spans


def _changes(values: Floats) -> list[int]:
    """Rounded first, so that errors do not add up."""
    changes: list[int] = np.diff(np.round(values).astype(np.int64), prepend=0).tolist()
    return changes


def _known(values: Floats) -> list[float | None]:
    return [round(value, 3) if np.isfinite(value) else None for value in values.tolist()]


def _flat(points: Points) -> list[int]:
    """x, y, then the changes, in centimetres."""
    centimetres = np.round(points * 100).astype(np.int64)
    flat: list[int] = np.diff(centimetres, axis=0, prepend=[[0, 0]]).ravel().tolist()
    return flat


def _map(shapes: MapShapes) -> dict[str, Any]:
    return {
        "grounds": [
            {"kind": int(ground.kind), "rings": [_flat(ring) for ring in ground.rings_m]}
            for ground in shapes.grounds
        ],
        "bands": [
            {"half_width": round(band.half_width_m, 2), "line": _flat(band.points_m)}
            for band in shapes.bands
        ],
        "centres": [_flat(line) for line in shapes.centres],
        "edges": [_flat(line) for line in shapes.edges],
        "route": _flat(shapes.route),
        "stops": [{"light": stop.light, "ends": _flat(stop.ends_m)} for stop in shapes.stops],
    }


def _nearest_first(recording: Recording) -> NDArray[np.int64]:
    """The slots by how near they came to the ego; the ego first."""
    agents = recording.agents
    away = np.hypot(agents.x_m - agents.x_m[:, :1], agents.y_m - agents.y_m[:, :1])
    nearest = np.where(agents.present, away, np.inf).min(axis=0)
    nearest[0] = -1.0
    return np.argsort(nearest, kind="stable")


def _with_agents(recording: Recording, slots: NDArray[np.int64]) -> Recording:
    agents = recording.agents
    names = ("number", "category", "length_m", "width_m")
    moving = ("x_m", "y_m", "heading_rad", "speed_mps", "present")
    kept = {name: getattr(agents, name)[slots] for name in names}
    kept |= {name: getattr(agents, name)[:, slots] for name in moving}
    return replace(recording, agents=Agents(**kept))
