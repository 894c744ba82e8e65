"""The page of a run in a real browser: it loads without a word on the console, and does what hands ask of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import qd
from qd.view.viewer.document import Page
from qd.view.viewer.html import html

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.launch,
    pytest.mark.xdist_group("browser"),  # all share its pages
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: on Debian, apt-get install chromium"),
]
QUIET = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-quic")  # fmt: skip
HOSTILE = """</script><img src=x onerror="window.pwned=1"><a href="javascript:window.pwned=1">x</a>"""
a, p = qd.algorithms, qd.problems


def hostile() -> qd.Experiment:
    """Every name that a run can have, and a traceback, are hostile."""

    def evaluate(x: Any) -> tuple[float, Any]:
        if x[0] > 0.8:
            raise RuntimeError(HOSTILE)
        return float(x.sum()), x[:2]

    problem = qd.problem(evaluate, low=0, high=1, length=3, measures={HOSTILE: (0, 1), "y<b>": (0, 1)})
    return qd.Experiment(problem, a.MapElites(batch_size=50), 200, name=HOSTILE)


EXPERIMENTS = {
    "grid": lambda: qd.Experiment(p.PlanarArm(joints=5), a.MapElites(batch_size=100), 1000, seed=1),
    "cvt": lambda: qd.Experiment(
        p.PlanarArm(joints=5), a.MapElites(batch_size=100, archive="cvt", centroids=300), 600, seed=1
    ),
    "novelty": lambda: qd.Experiment(p.Point2D(), a.NoveltySearch(population_size=20), 200, seed=1),
    "fronts": lambda: qd.Experiment(p.PlanarArmTradeOff(), a.MOME(batch_size=100), 600, seed=1),
    "no measures": lambda: qd.Experiment(p.ZDT1(), a.NSGA2(population_size=16), 160, seed=1),
    "no archive": lambda: qd.Experiment(p.PlanarArm(joints=5), a.RandomSearch(batch_size=50), 100, seed=1),
    "hostile": hostile,
}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    found = {}
    for name, make in EXPERIMENTS.items():
        qd.run(make(), folder / name)
        found[name] = folder / f"{name}.html"
        found[name].write_text(html(Page(folder / name).packed(), name))
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        opened = play.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield opened
        opened.close()


class Opened:
    """A page that is open, and what its console said."""

    def __init__(self, browser: Any, file: Path, **settings: Any) -> None:
        self.page = browser.new_page(viewport=settings.pop("viewport", {"width": 1280, "height": 900}), **settings)
        self.said: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda asked: self.said.append(asked.url) if asked.url.startswith("http") else None)
        self.page.goto(file.as_uri())
        self.page.wait_for_selector("html[data-ready=yes]", timeout=60_000)

    def text(self, selector: str) -> str:
        return str(self.page.inner_text(selector))

    def choose(self, row: int) -> str:
        """Move to an elite's place on the map and click there; returns what was said of it before the click."""
        place = """(row) => {
          const archive = page.archive, cell = archive.cell[row];
          let at = page.map.place({ row });  // a cell's middle, where there are cells
          if (archive.shape === "grid") at = page.map.place({ row: -1, cell });
          if (archive.outlines) {
            const corners = archive.outlines[cell];
            at = [0, 1].map((axis) => corners.reduce((sum, corner) => sum + corner[axis], 0) / corners.length);
          }
          const { xaxis, yaxis } = page.map.at._fullLayout, box = page.map.at.getBoundingClientRect();
          return [box.x + xaxis._offset + xaxis.d2p(at[0]), box.y + yaxis._offset + yaxis.d2p(at[1])];
        }"""
        x, y = self.page.evaluate(place, row)
        self.page.mouse.move(x - 40, y - 40)
        self.page.mouse.move(x, y)
        said = """(row) => !document.querySelector('#tip').hidden && document.querySelector('#tip').textContent
          .split("\\n").includes(`evaluation ${page.archive.ids[row].toLocaleString("en")}`)"""
        self.page.wait_for_function(said, arg=row, timeout=20_000)
        tip = self.text("#tip")
        self.page.mouse.click(x, y, delay=30)
        self.page.wait_for_function("(row) => page.entry.row === row", arg=row, timeout=20_000)
        return tip


@pytest.fixture
def opened(browser: Any, pages: dict[str, Path]) -> Iterator[Any]:
    kept = []

    def open_(name: str, **settings: Any) -> Opened:
        kept.append(Opened(browser, pages[name], **settings))
        return kept[-1]

    yield open_
    for one in kept:
        assert one.said == []
        one.page.close()


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_kind_of_archive_is_shown(opened: Any, name: str) -> None:
    one = opened(name)
    assert one.page.locator("#map .cartesianlayer").count() == 1
    assert one.text("#elite-title").startswith(("Cell", "Evaluation"))
    assert one.text("#said")[0].isdigit()
    assert one.text("#name") != ""


def test_hover_and_click_show_an_elite(opened: Any) -> None:
    for name in ("grid", "cvt", "novelty"):
        one = opened(name)
        best = one.page.evaluate("page.entry.row")
        row = 7 if best != 7 else 8
        tip = one.choose(row)
        number = one.page.evaluate(f"page.archive.ids[{row}]")
        assert f"evaluation {number:,}" in tip and "objective" in tip
        assert one.text("#elite-title").lower().endswith(f"evaluation {number:,}")
        assert one.page.locator("#panel-replay canvas").count() == 1
        assert one.page.evaluate("page.map.at.data[page.map.base + 1].x.length") == 1


def test_a_replay_plays_to_its_end(opened: Any) -> None:
    one = opened("novelty")
    before = one.page.evaluate("document.querySelector('#stage').toDataURL()")
    one.page.focus("#map")
    one.page.keyboard.press("Space")
    assert one.text("#play") == "Stop"
    one.page.wait_for_timeout(300)
    assert one.page.evaluate("document.querySelector('#stage').toDataURL()") != before
    one.page.wait_for_function("document.querySelector('#play').textContent === 'Play'", timeout=30_000)
    assert one.page.evaluate("document.querySelector('#stage').toDataURL()") == before  # it was shown at its end


def test_the_slider_goes_through_the_generations(opened: Any) -> None:
    one = opened("grid")
    count = int(one.text("#said").split()[0].replace(",", ""))
    one.page.focus("#stop")
    one.page.keyboard.press("Home")
    one.page.wait_for_timeout(200)
    assert "generation 0, 100 evaluations" in one.text("#when")
    early = int(one.text("#said").split()[0].replace(",", ""))
    assert early < count
    one.page.focus("#map")
    one.page.keyboard.press("]")
    one.page.wait_for_timeout(200)
    assert "generation 1, 200 evaluations" in one.text("#when")
    assert early < int(one.text("#said").split()[0].replace(",", "")) < count


def test_the_keyboard_walks_over_the_map(opened: Any) -> None:
    one = opened("grid")
    one.page.focus("#map")
    start = one.page.evaluate("page.map.place(page.entry)")
    one.page.keyboard.press("ArrowRight")
    one.page.wait_for_timeout(100)
    right = one.page.evaluate("page.map.place(page.entry)")
    assert right[0] > start[0]
    one.page.keyboard.press("ArrowUp")
    one.page.wait_for_timeout(100)
    assert one.page.evaluate("page.map.place(page.entry)")[1] > right[1]
    one.page.keyboard.press("b")
    one.page.wait_for_timeout(100)
    assert one.page.evaluate("page.map.place(page.entry)") == start


def test_genome_lineage_and_front(opened: Any) -> None:
    one = opened("grid")
    one.page.click("#tab-lineage")
    rows = one.page.locator("#panel-lineage li").all_inner_texts()
    assert "sample" in rows[-1]
    assert one.page.evaluate("page.map.at.data[page.map.base].x.length") == len(rows) - 1
    one.page.keyboard.press("ArrowLeft")
    assert one.text("#panel-genome").startswith("5 genes")
    assert not one.page.locator("#tab-front").is_visible()
    fronts = opened("fronts")
    fronts.page.click("#tab-front")
    assert "in this cell" in fronts.text("#panel-front")


def test_axes_and_colours_can_be_chosen(opened: Any) -> None:
    one = opened("grid")
    one.page.select_option("#across", label="objective")
    one.page.select_option("#colour", label="generation")
    one.page.wait_for_timeout(200)
    assert one.page.evaluate("page.map.at.layout.xaxis.title.text") == "objective"
    assert one.page.evaluate("page.map.at.data[0].type").startswith("scatter")
    assert one.page.evaluate("page.map.at.data[0].marker.colorbar.title.text") == "generation"


@pytest.mark.parametrize("width", [380, 1600])
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_narrow_and_wide_dark_and_light(opened: Any, width: int, scheme: str) -> None:
    one = opened("grid", viewport={"width": width, "height": 800}, color_scheme=scheme)
    assert one.page.evaluate("document.documentElement.scrollWidth") <= width
    assert one.page.evaluate("document.documentElement.dataset.theme") == scheme
    map_, elite = (one.page.locator(name).bounding_box() for name in ("#map", "#elite"))
    assert (elite["y"] > map_["y"] + map_["height"]) == (width < 860)
    one.page.click("#theme")
    assert one.page.evaluate("document.documentElement.dataset.theme") != scheme


def test_whatever_a_run_contains_is_text(opened: Any) -> None:
    one = opened("hostile")
    assert one.text("#name") == HOSTILE
    one.choose(5)
    one.page.click("#failures summary")
    assert HOSTILE in one.text("#failures")
    assert one.page.locator("img, iframe, a[href^=javascript]").count() == 0
    for select in ("#across", "#up", "#colour"):
        assert HOSTILE in one.page.locator(f"{select} option").all_inner_texts()
    assert one.page.evaluate("window.pwned") is None
