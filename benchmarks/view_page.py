"""How large the page of a run is, and how quick in headless Chromium: first paint, all drawn, from a click to a replay.

Claim: a run of 10,000 elites gives a page under 7 MB, of which under 2 MB are data, with the first paint before 2 s and
a replay within 0.5 s of the click; 50,000 elites stay under 15 MB. The arm with 128 x 128 and 290 x 290 cells. About
half a minute; needs playwright and Chromium.

    python benchmarks/view_page.py
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import qd
from benchmarks.machine import describe
from qd.view.viewer.document import Page
from qd.view.viewer.html import html

SIZES = (("10,000 elites", 128, 60_000, 7e6), ("50,000 elites", 290, 400_000, 15e6))
ARGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", "--disable-quic")  # fmt: skip
CLICKS = 20


def made(cells: int, evaluations: int, folder: Path) -> tuple[Path, int, int]:
    """The page of a run on the arm, its data's bytes, and how many elites it has."""

    def archive(problem: Any) -> Any:
        return qd.archives.GridArchive(solution_dim=10, dims=[cells, cells], ranges=problem.measure_space.ranges,
                                       extra_fields={"id": ((), "int64")})  # fmt: skip

    search = qd.algorithms.MapElites(batch_size=1000, make_archive=archive)
    result = qd.run(qd.Experiment(qd.problems.PlanarArm(joints=10), search, evaluations, seed=1), folder / "run")
    packed = Page(folder / "run").packed()
    file = folder / "page.html"
    file.write_text(html(packed, "page"))
    return file, len(packed), len(result.archive)


def timed(file: Path, browser: Any) -> tuple[float, float, float]:
    """Milliseconds to the first paint, until all is drawn, and from a click on the map to its replay (median)."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(file.as_uri())
    page.wait_for_selector("html[data-ready=yes]")
    ready = page.evaluate("performance.now()")
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    click = """async (share) => {
      const rows = Object.keys(page.document.replays[page.archive.name]);
      const row = Number(rows[Math.floor(share * rows.length)]);
      const begin = performance.now();
      await page.selectRow(row);
      await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
      return performance.now() - begin;
    }"""
    clicks = [page.evaluate(click, (i + 0.5) / CLICKS) for i in range(CLICKS)]
    page.close()
    return paint, ready, median(clicks)


def main() -> int:
    """Prints the figures; 1 where a size is above its bound."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        print("no Chromium here: on Debian, apt-get install chromium", file=sys.stderr)
        return 2
    describe("plotly", "playwright")
    large = False
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=list(ARGS))
        for name, cells, evaluations, bound in SIZES:
            with tempfile.TemporaryDirectory() as folder:
                file, data, elites = made(cells, evaluations, Path(folder))
                size = file.stat().st_size
                paint, ready, click = timed(file, browser)
            large |= size > bound
            print(f"{name}: {elites:,} elites, page {size / 1e6:.2f} MB, data {data / 1e6:.2f} MB, first paint "
                  f"{paint:.0f} ms, all drawn {ready:.0f} ms, click to replay {click:.0f} ms")  # fmt: skip
        browser.close()
    return int(large)


if __name__ == "__main__":
    sys.exit(main())
