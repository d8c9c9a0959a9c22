"""Replay pages in a real browser."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from drivetrain.pictures.animation import write_animation
from drivetrain.pictures.page import index_of, page_of
from tests.pictures.browser import CHROMIUM, Browser, chromium
from tests.pictures.recorded import REPLAYED, busy_scene, recorded

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium is installed: apt-get install chromium"
)

CLOCK = "document.getElementById('clock').textContent"
SCENE = "document.getElementById('scene').toDataURL()"
COLOURS = """(() => {
  const canvas = document.getElementById('scene');
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  const seen = new Set();
  for (let at = 0; at < data.length; at += 4) {
    seen.add((data[at] << 16) | (data[at + 1] << 8) | data[at + 2]);
  }
  return seen.size;
})()"""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("page") / "busy.html"
    (recording,) = recorded([busy_scene()], settings=REPLAYED)
    file.write_text(page_of(recording), encoding="utf-8")
    return file


@pytest.fixture
def browser(shared: Browser, page: Path) -> Browser:
    """At the page's beginning, in a window of 1200 x 800."""
    shared.size(1200, 800)
    shared.visit(page)
    return shared


def test_it_loads_itself_alone_and_complains_of_nothing(browser: Browser, page: Path) -> None:
    browser.press("End")
    assert browser.requests == [page.as_uri()]
    assert browser.complaints == []


def test_the_scene_is_drawn_and_changes_with_time(browser: Browser) -> None:
    assert browser.run(COLOURS) > 20
    first = browser.run(SCENE)
    browser.press("ArrowRight")
    second = browser.run(SCENE)
    assert first != second
    browser.press("ArrowLeft")
    assert browser.run(SCENE) == first


def test_keys_move_in_time(browser: Browser) -> None:
    seen = [browser.run(CLOCK)]
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "End", "ArrowRight", "Home"):
        browser.press(key)
        seen.append(browser.run(CLOCK).split(" ")[0])
    last = seen[0].split(" ")[2]
    assert seen[1:] == ["0.1", "0.2", "0.1", last, last, "0.0"]


def test_space_plays_to_the_end_and_stops(browser: Browser) -> None:
    for _ in range(2):
        browser.press("ArrowUp")
    browser.press("End")
    browser.press(" ", " ")
    # From the end it plays from the beginning, at four times the speed.
    assert browser.run("document.getElementById('play').getAttribute('aria-label')") == "Pause"
    browser.run(
        "new Promise((done) => { const look = () => player.plays ? requestAnimationFrame(look) "
        ": done(true); look(); })"
    )
    assert browser.run("player.moment === LAST")
    browser.press("Home")
    browser.press(" ", " ")
    browser.press(" ", " ")
    assert browser.run("!player.plays && player.moment > 0 && player.moment < LAST")


def test_the_scrubber_and_the_charts_move_in_time(browser: Browser) -> None:
    browser.run(
        "(() => { const bar = document.getElementById('scrubber'); bar.value = 30; "
        "bar.dispatchEvent(new Event('input', {bubbles: true})); })()"
    )
    browser.drawn()
    assert browser.run(CLOCK).startswith("3.0 ")
    box = browser.run(
        "(() => { const box = document.querySelector('figure canvas').getBoundingClientRect(); "
        "return [box.left, box.right, box.top]; })()"
    )
    place = {"x": box[1] - 4, "y": box[2] + 20}
    browser.mouse("mousePressed", **place, button="left", buttons=1, clickCount=1)
    browser.mouse("mouseReleased", **place, button="left")
    assert browser.run("player.moment === LAST")


def test_the_address_holds_the_moment(browser: Browser, page: Path) -> None:
    browser.visit(page, "#t=4.2")
    assert browser.run(CLOCK).startswith("4.2 ")
    browser.press("ArrowRight")
    assert browser.run("location.hash") == "#t=4.3"
    browser.run("(() => { location.hash = '#t=1.0'; })()")
    browser.drawn()
    browser.drawn()
    assert browser.run(CLOCK).startswith("1.0 ")
    for odd in ("#t=-3", "#t=x", "#t=1e999", "#<b>"):
        browser.visit(page, odd)
        assert browser.run(CLOCK).startswith("0.0 ")
    assert browser.complaints == []


def test_the_camera_follows_zooms_and_is_dragged(browser: Browser) -> None:
    browser.press("ArrowRight")
    follows, scale = browser.run("[camera.x, camera.y]"), browser.run("camera.scale")
    assert follows == browser.run("[ego.track[1].x, ego.track[1].y]")
    browser.press("+", "+")
    assert browser.run("camera.scale") > scale
    browser.mouse("mouseWheel", 400, 400, deltaX=0, deltaY=400)
    assert browser.run("camera.scale") < scale
    browser.mouse("mousePressed", 400, 400, button="left", buttons=1, clickCount=1)
    browser.mouse("mouseMoved", 300, 350, button="left", buttons=1)
    browser.mouse("mouseReleased", 300, 350, button="left")
    x, y = browser.run("[camera.x, camera.y]")
    assert x > follows[0]
    assert y < follows[1]
    browser.press("f", "f")
    assert browser.run("[camera.x, camera.y]") == follows
    browser.press("0", "0")
    assert not browser.run("camera.follows")


def test_pointing_at_somebody_shows_its_facts(browser: Browser) -> None:
    box = browser.run(
        "(() => { const box = canvas.getBoundingClientRect(); "
        "return [box.left + box.width / 2, box.top + box.height / 2]; })()"
    )
    browser.mouse("mouseMoved", *box)
    tip = "document.getElementById('tip')"
    assert browser.run(f"{tip}.textContent").startswith("Ego\n8.0 m/s")
    browser.mouse("mouseMoved", box[0], box[1] + 200)
    assert browser.run(f"{tip}.hidden")


def test_help_opens_and_closes(browser: Browser) -> None:
    browser.press("?", "?")
    assert browser.run("document.getElementById('keys').open")
    browser.run("document.getElementById('keys').close()")
    browser.press("ArrowRight")
    assert browser.run(CLOCK).startswith("0.1 ")


def test_stop_lines_show_what_their_light_shows(browser: Browser) -> None:
    asked = """(() => {
      const seen = [];
      for (const [light] of map.stops) {
        for (const frame of [49, 50]) seen.push(given.signals[light][frame]);
      }
      return seen;
    })()"""
    assert browser.run(asked) == ["2", "0"]


@pytest.mark.parametrize("touch", [False, True])
def test_everything_fits_any_window(browser: Browser, page: Path, *, touch: bool) -> None:
    browser.size(390 if touch else 1200, 800, touch=touch, dark=touch)
    browser.visit(page)
    assert browser.run("document.documentElement.scrollWidth <= window.innerWidth")
    assert browser.run("canvas.clientHeight") > 300
    assert browser.run("document.documentElement.dataset.theme") == (
        "dark" if touch else "light"
    )
    assert browser.run(COLOURS) > 20
    unnamed = "[...document.querySelectorAll('button, input, select, canvas')].filter("
    unnamed += "(each) => !each.getAttribute('aria-label') && !each.textContent).length"
    assert browser.run(unnamed) == 0


def test_a_hostile_name_runs_nothing(shared: Browser, tmp_path: Path) -> None:
    (recording,) = recorded([busy_scene()], settings=REPLAYED)
    mean = "</script ><!--<script </script><script>window.hit = 1</script>"
    mean += "<img src=x onerror='window.hit = 1'>"
    hostile = replace(recording, facts=dict.fromkeys(recording.facts, mean), driver=mean)
    file = tmp_path / "hostile.html"
    file.write_text(page_of(hostile), encoding="utf-8")
    shared.visit(file)
    assert shared.run("window.hit === undefined")
    assert shared.run("document.getElementById('name').textContent") == mean
    assert shared.requests == [file.as_uri()]
    assert shared.complaints == []


def test_an_index_shows_and_links_every_replay(shared: Browser, tmp_path: Path) -> None:
    (recording,) = recorded([busy_scene()], settings=REPLAYED)
    write_animation(recording, tmp_path / "a.gif")
    (tmp_path / "a.html").write_text(page_of(recording), encoding="utf-8")
    index = tmp_path / "index.html"
    index.write_text(index_of([(recording, "a.html", "a.gif")] * 2, "Two"), encoding="utf-8")
    shared.visit(index)
    assert shared.run("[...document.images].every((each) => each.naturalWidth > 100)")
    assert shared.run("[...document.links].every((each) => /a\\.(html|gif)$/.test(each.href))")
    assert shared.complaints == []
