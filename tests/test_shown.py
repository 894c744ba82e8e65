"""What a notebook shows of archives, results and experiments: numbers, a small map, and nothing that runs."""

import numpy as np
import pytest

import qd
from qd.interchange import stored
from qd.store.archive_file import StoredArchive
from tests.test_report import HOSTILE, Elements

PICTURE = "data:image/png;base64,"


def harmless(html):
    found = Elements()
    found.feed(html)
    found.close()
    assert set(found.tags) <= {"div", "b", "table", "tr", "th", "td", "img"}
    assert all(not name.startswith("on") for _, name, _ in found.attributes)
    return "".join(found.text)


def grid(n, m=2):
    rng = np.random.default_rng(0)
    archive = qd.archives.GridArchive(solution_dim=3, dims=[3] * m, ranges=[(0, 1)] * m)
    if n:
        archive.add(rng.normal(size=(n, 3)), rng.normal(size=n), rng.random((n, m)))
    return archive


@pytest.mark.parametrize("m", [1, 2, 3, 12])
@pytest.mark.parametrize("n", [0, 1, 20])
def test_archives_with_any_number_of_measures_and_elites(n, m):
    archive = grid(n, m)
    for shown in (archive, stored(archive)):
        html = shown._repr_html_()
        assert f"{len(archive)} in {3**m:,} cells" in harmless(html)
        assert (PICTURE in html) is (n > 0)


def test_archives_without_cells_and_with_fronts():
    novelty = qd.archives.NoveltyArchive(solution_dim=1, measure_dim=2, k_neighbors=3)
    novelty.add(np.zeros((4, 1)), np.arange(4.0), np.random.default_rng(0).random((4, 2)))
    assert "coverage" not in harmless(novelty._repr_html_())
    trade = qd.Experiment(qd.problems.PlanarArmTradeOff(), qd.algorithms.MOME(batch_size=50), 100)
    result = qd.run(trade)
    assert "sum of objectives" in harmless(result.archive._repr_html_())
    assert PICTURE in result._repr_html_()


def test_not_a_number_and_hostile_names():
    kept = StoredArchive(HOSTILE, {
        "objective": np.array([np.nan, 2.0]), "measures": np.array([[np.nan, 1.0], [0.0, np.inf]]),
        HOSTILE: np.zeros(2),
    }, {"measures": {"names": [HOSTILE, HOSTILE]}})  # fmt: skip
    html = kept._repr_html_()
    assert "<script>alert(1)</script>" in harmless(html)
    assert PICTURE not in html
    kept.fields["measures"] = np.zeros((2, 2))
    kept.meta["measures"]["names"] = ["$x$ \\frac{", HOSTILE]
    assert PICTURE in kept._repr_html_()


def test_a_picture_that_cannot_be_drawn_is_left_out(monkeypatch):
    import matplotlib.figure

    def fails(*args, **settings):
        raise RuntimeError("no fonts")

    monkeypatch.setattr(matplotlib.figure, "Figure", fails)
    html = grid(5)._repr_html_()
    assert PICTURE not in html
    assert "elites" in html


def test_results_and_experiments():
    problem = qd.problem(lambda x: (float(x.sum()), x[:2]), low=-1, high=1, length=2,
                         measures={"x": (-1, 1), HOSTILE: (-1, 1)})  # fmt: skip
    experiment = qd.Experiment(problem, qd.algorithms.MapElites(batch_size=5, dims=(4, 4)), 20, name=HOSTILE)
    assert "algorithm.batch_size" in harmless(experiment._repr_html_())
    result = qd.run(experiment)
    text = harmless(result._repr_html_())
    assert "finished" in text
    assert result.digest[:12] in text
    assert PICTURE in result._repr_html_()
    assert "worker rank" in harmless(qd.Result(None, None, {}, root=False)._repr_html_())
