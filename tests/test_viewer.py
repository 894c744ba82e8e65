"""The data of a run's page: maps of every kind, films, lineages, replays, and folders of every sort."""

from __future__ import annotations

import base64
import gzip
import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np
import pytest

import qd
from qd.errors import QDError
from qd.store.archive_file import StoredArchive
from qd.store.files import RunFolder
from qd.store.history import read_history
from qd.view.space_axes import MeasureAxes
from qd.view.viewer.archives import map_of, outlines
from qd.view.viewer.document import Page
from qd.view.viewer.html import html
from qd.view.viewer.packing import Packing, finite, quantised
from qd.view.viewer.replays import chosen
from qd.view.viewer.serving import RunServer
from qd.view.viewer.through_time import film, moments, tree

TYPES = {"f4": "<f4", "i4": "<i4", "i2": "<i2", "u2": "<u2", "u1": "u1"}
a, p = qd.algorithms, qd.problems


class Read:
    """A packed document as the page reads it."""

    def __init__(self, packed: str) -> None:
        raw = gzip.decompress(base64.b64decode(packed))
        length = int.from_bytes(raw[:4], "little")
        self.document: dict[str, Any] = json.loads(raw[4 : 4 + length])
        self._arrays = raw[4 + length + (-(4 + length)) % 8 :]

    def numbers(self, at: dict[str, Any]) -> Any:
        return np.frombuffer(self._arrays, TYPES[at["type"]], at["n"], at["at"])


EXPERIMENTS = {
    "grid": qd.Experiment(p.PlanarArm(joints=5), a.MapElites(batch_size=100), 1000, seed=1),
    "cvt": qd.Experiment(p.PlanarArm(joints=5), a.MapElites(batch_size=100, archive="cvt", centroids=200), 400, seed=1),
    "novelty": qd.Experiment(p.Point2D(), a.NoveltySearch(population_size=20), 200, seed=1),
    "fronts": qd.Experiment(p.PlanarArmTradeOff(), a.MOME(batch_size=100), 600, seed=1),
    "no measures": qd.Experiment(p.ZDT1(), a.NSGA2(population_size=16), 160, seed=1),
    "no archive": qd.Experiment(p.PlanarArm(joints=5), a.RandomSearch(batch_size=50), 100, seed=1),
    "one": qd.Experiment(p.PlanarArm(joints=5), a.MapElites(batch_size=1), 1, seed=1),
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("runs")
    for name, experiment in EXPERIMENTS.items():
        qd.run(experiment, folder / name)
    return {name: folder / name for name in EXPERIMENTS}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_kind_of_archive_is_carried(runs: dict[str, Path], name: str) -> None:
    read = Read(Page(runs[name], replays=False).packed())
    stored = qd.Result.load(runs[name])
    (one,) = read.document["maps"]
    if name != "no archive":
        fields = stored.archive.fields
        assert one["count"] == len(stored.archive)
        np.testing.assert_array_equal(read.numbers(one["ids"]), fields["id"])
        worth = next(column for column in one["columns"] if column["role"] == "objective")
        first = fields["objective"].reshape(one["count"], -1)[:, 0]
        np.testing.assert_allclose(read.numbers(worth["values"]), first, rtol=1e-6)
    assert read.document["title"]["problem"] == stored.summary["problem"]
    assert read.document["numbers"]["evaluations"] == stored.summary["evaluations"]
    assert one["shape"] == {"grid": "grid", "one": "grid", "cvt": "cvt", "fronts": "grid"}.get(name, "points")
    assert one["front"] == (name == "fronts")


def test_a_film_ends_as_the_archive(runs: dict[str, Path]) -> None:
    for name in ("grid", "cvt"):
        page = Page(runs[name], replays=False)
        assert page.history is not None
        shown = film(page.maps[0], page.history, moments(page.history))
        assert shown is not None and shown.exact
        last = dict(zip(shown.cell.tolist(), shown.ids.tolist(), strict=True))
        fields = qd.Result.load(runs[name]).archive.fields
        assert last == dict(zip(fields["index"].tolist(), fields["id"].tolist(), strict=True))
        assert (np.diff(shown.frame) >= 0).all()


def test_a_search_that_keeps_other_than_the_best_has_no_film(runs: dict[str, Path]) -> None:
    page = Page(runs["grid"], replays=False)
    made, history = page.maps[0], page.history
    assert history is not None
    other = replace(made, columns=[replace(c, values=c.values + (c.role == "objective")) for c in made.columns])
    assert film(other, history, moments(history)) is None


def test_lineages_lead_to_first_ancestors(runs: dict[str, Path]) -> None:
    history = read_history(RunFolder(runs["grid"]))
    assert history is not None
    ids = qd.Result.load(runs["grid"]).archive.fields["id"]
    found = tree(ids, history)
    assert set(ids.tolist()) <= set(found.ids.tolist())
    for number in ids[:20].tolist():
        line, at = [], int(np.searchsorted(found.ids, number))
        while at >= 0:
            line.append(int(found.ids[at]))
            at = int(found.parent[at])
        assert line == [number, *history.ancestors(number)]


def test_voronoi_cells_are_those_of_the_nearest_centroid() -> None:
    from shapely import Point, Polygon

    rng = np.random.default_rng(0)
    low, high = np.array([-1.0, 0.0]), np.array([3.0, 0.5])
    centroids = low + rng.random((60, 2)) * (high - low)
    polygons = [Polygon(corners) for corners in outlines(centroids, low, high)]
    assert sum(polygon.area for polygon in polygons) == pytest.approx(4.0 * 0.5, rel=1e-6)
    for place in low + rng.random((200, 2)) * (high - low):
        nearest = int(((centroids - place) ** 2).sum(axis=1).argmin())
        unit = int((((centroids - place) / (high - low)) ** 2).sum(axis=1).argmin())
        if nearest == unit:  # cells are of measures in shares of their ranges
            assert polygons[nearest].buffer(1e-6).contains(Point(place))


def test_replays_are_those_of_the_episodes(runs: dict[str, Path]) -> None:
    read = Read(Page(runs["novelty"]).packed())
    assert read.document["why"] == ""
    (one,) = read.document["maps"]
    replays = read.document["replays"]["novelty"]
    assert len(replays) == one["count"]
    stored = qd.Result.load(runs["novelty"]).archive.fields
    for row, (motion,) in replays.items():
        steps = read.numbers(motion["bodies"][0]["steps"]).reshape(2, motion["frames"])
        low, high = np.array(motion["low"]), np.array(motion["high"])
        end = low + steps.sum(axis=1) / motion["levels"] * (high - low)
        np.testing.assert_allclose(end, stored["measures"][int(row)], atol=1e-3 * (high - low).max())


def test_where_nothing_is_archived_the_best_is_shown(runs: dict[str, Path]) -> None:
    read = Read(Page(runs["no archive"]).packed())
    (one,) = read.document["maps"]
    ((row, shown),) = read.document["replays"][one["name"]].items()
    assert read.numbers(one["ids"])[int(row)] == qd.Result.load(runs["no archive"]).best["id"]
    assert shown[0]["kind"] == "motion"


def test_the_best_of_each_region_come_first(runs: dict[str, Path]) -> None:
    made = Page(runs["grid"], replays=False).maps[0]
    order = list(chosen(made))
    assert sorted(order) == list(range(len(made)))
    assert order[0] == int(made.objective.argmax())


def test_numbers_are_packed_and_come_back() -> None:
    packing = Packing()
    refs = [packing.add(np.arange(5), "u1"), packing.add([1.5, np.nan]), packing.add([[1, -2], [3, 4]], "i2")]
    read = Read(packing.packed({"text": "</script><b>&", "refs": refs, "nan": float("inf")}))
    assert read.document["text"] == "</script><b>&"
    assert read.document["nan"] is None
    np.testing.assert_array_equal(read.numbers(refs[0]), np.arange(5))
    np.testing.assert_array_equal(read.numbers(refs[1]), [1.5, np.nan])
    np.testing.assert_array_equal(read.numbers(refs[2]), [1, -2, 3, 4])
    assert quantised(np.array([-1.0, 0.0, 0.5, 1.0, 9.0, np.nan]), 0.0, 1.0, 10).tolist() == [0, 0, 5, 10, 10, 0]
    assert finite({1: (np.float64("nan"), np.int64(3))}) == {"1": [None, 3]}


@pytest.mark.parametrize("m", [1, 3, 20, 50])
def test_few_and_many_measures(m: int) -> None:
    rng = np.random.default_rng(m)
    fields = {"objective": rng.random(40), "measures": rng.random((40, m)), "solution": rng.random((40, 3))}
    fields["measures"][3] = np.nan
    made = map_of("many", StoredArchive("UnstructuredArchive", fields, {}), MeasureAxes(), (), None)
    assert made is not None and len(made) == 40
    roles = [column.role for column in made.columns]
    assert roles.count("measure") == min(m, 20)
    assert roles.count("principal") == (2 if m > 2 else 0)
    assert all(column.low < column.high for column in made.columns)


@pytest.mark.thorough
@pytest.mark.parametrize(("cells", "filled"), [(1, 1), (1, 0), (30_000, 20_000)])
def test_one_cell_and_thirty_thousand(cells: int, filled: int) -> None:
    rng = np.random.default_rng(cells)
    centroids = rng.random((cells, 2))
    fields = {
        "objective": rng.random(filled), "measures": centroids[:filled], "solution": rng.random((filled, 3)),
        "index": np.arange(filled), "id": np.arange(filled), "centroids": centroids,
    }  # fmt: skip
    about = {"lower_bounds": [0.0, 0.0], "upper_bounds": [1.0, 1.0], "cells": cells}
    made = map_of("wide", StoredArchive("CVTArchive", fields, about), MeasureAxes(), (), None)
    assert made is not None and (made.shape, made.cells, len(made)) == ("cvt", cells, filled)
    assert len(made.outlines) == cells
    corners = np.concatenate(made.outlines)
    assert (corners >= 0).all() and (corners <= 1).all()


def test_a_run_that_is_going_is_shown_as_far_as_it_is(runs: dict[str, Path], tmp_path: Path) -> None:
    qd.run(EXPERIMENTS["grid"], tmp_path / "run")
    for name in ("archive.npz", "summary.json"):
        (tmp_path / "run" / name).unlink()
    page = Page(tmp_path / "run")
    assert len(page.maps[0]) == len(qd.Result.load(runs["grid"]).archive)
    assert any("has not come to its end" in note for note in page.notes)
    read = Read(page.packed())
    assert read.document["state"] == "going"
    for file in (tmp_path / "run" / "checkpoints").iterdir():
        file.unlink()
    bare = Page(tmp_path / "run", replays=False)
    assert bare.maps[0].name.startswith("last 1,000 evaluations")


def test_damage_is_noted_and_the_rest_is_shown(tmp_path: Path) -> None:
    qd.run(EXPERIMENTS["grid"], tmp_path / "run")
    (tmp_path / "run" / "archive.npz").write_bytes(b"no archive at all")
    (tmp_path / "run" / "history.json").write_text("{}")
    page = Page(tmp_path / "run", replays=False)
    assert any("archive.npz" in note for note in page.notes)
    assert any("history.json" in note for note in page.notes)
    assert Read(page.packed()).document["metrics"]["coverage"]
    with pytest.raises(QDError, match="not the folder of a run"):
        Page(tmp_path)


def test_a_run_without_history_says_so(tmp_path: Path) -> None:
    qd.run(replace(EXPERIMENTS["grid"], history=0), tmp_path / "run")
    page = Page(tmp_path / "run", replays=False)
    assert any("kept no history" in note for note in page.notes)
    document = Read(page.packed()).document
    assert document["tree"] is None and document["stops"] == []


def test_nothing_of_a_run_can_leave_the_element_that_holds_it(tmp_path: Path) -> None:
    hostile = '</script><script>window.pwned=1</script><img src=x onerror="window.pwned=1">'

    def fails(x: Any) -> float:
        raise RuntimeError(hostile)

    problem = qd.problem(fails, low=0, high=1, length=2)
    qd.run(qd.Experiment(problem, a.RandomSearch(batch_size=5), 10, name=hostile), tmp_path / "run")
    page = html(Page(tmp_path / "run").packed(), hostile)
    assert "pwned" not in page.replace("window.pwned=1&lt;/script&gt;", "").split("<title>")[0]
    assert "<script>window.pwned" not in page
    assert page.count("<script") == 3  # the data, the drawing library, the program
    assert Read(page.split('id="data">')[1].split("<")[0]).document["failures"]["rows"][0]["reason"].count(hostile)


def test_the_server_answers_this_machine_alone(runs: dict[str, Path]) -> None:
    import threading

    with RunServer(runs["novelty"]) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert server.address.startswith("http://127.0.0.1:")

        def get(path: str, **headers: str) -> tuple[int, str]:
            try:
                with urlopen(Request(server.address + path, headers=headers), timeout=20) as answer:
                    return answer.status, answer.read().decode()
            except HTTPError as error:
                return error.code, error.read().decode()

        assert get("version")[1] == server.version()
        assert Read(get("data")[1]).document["replays"] == {}
        (motion,) = Read(get("replay?archive=novelty&row=0")[1]).document["replays"]
        assert motion["kind"] == "motion"
        assert get("replay?archive=novelty&row=999999")[0] == 204
        assert get("replay?archive=novelty&row=x")[0] == 500
        assert get("../etc/passwd")[0] == 404
        assert get("data", Host="elsewhere.example")[0] == 403
        with pytest.raises(QDError, match="--port"):
            RunServer(runs["novelty"], server.server_address[1])
        server.shutdown()


SKIPPED = ("atari", "frostbite", "skiing", "humanoid", "walker", "movie", "tweets", "endpoint", "multiple_choice",
           "generation", "math", "locomotion", "image_maze", "ant_maze")  # fmt: skip


@pytest.mark.slow
def test_every_experiment_has_a_page(tmp_path: Path) -> None:
    from qd.experiment_file import load_experiment, shipped

    seen = 0
    for name in shipped():
        if any(word in name for word in SKIPPED):  # what needs a model, a game or minutes
            continue
        experiment = load_experiment(name)[0]
        small = experiment.budget
        if isinstance(small, int):
            small = min(small, 150)
        with suppress(QDError):  # a closing stage alone may cost more
            qd.run(replace(experiment, budget=small), tmp_path / name)
        if not (tmp_path / name / "summary.json").exists():
            continue
        page = Page(tmp_path / name, replays=False)
        read = Read(page.packed())
        assert read.document["maps"], name
        assert not [note for note in page.notes if "cannot be read" in note], (name, page.notes)
        seen += 1
    assert seen > 30
