"""Our archives in place of pyribs' own: the same results, and at home in its emitters, schedulers and plots."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archives import GridArchive, NoveltyArchive

ribs_archives = pytest.importorskip("ribs.archives")
from tests.plain_ribs import plain_ribs  # noqa: E402, F401

pytestmark = pytest.mark.peer
from ribs.emitters import (  # noqa: E402
    BayesianOptimizationEmitter,
    EmitterBase,
    EvolutionStrategyEmitter,
    GaussianEmitter,
    GeneticAlgorithmEmitter,
    GradientArborescenceEmitter,
    GradientOperatorEmitter,
    IsoLineEmitter,
)
from ribs.schedulers import BanditScheduler, Scheduler  # noqa: E402

from qd.interop.ribs_es import CMAES  # noqa: E402

RANGES = [(-1.0, 1.0), (-2.0, 0.5)]


def pair(**changes):
    settings = {"solution_dim": 4, "dims": [7, 5], "ranges": RANGES, "seed": 3} | changes
    return GridArchive(**settings), ribs_archives.GridArchive(**settings)


def assert_same(ours, theirs, exact=True):
    assert ours.field_list == theirs.field_list
    for name in ours.field_list:
        one, two = ours.data(name), theirs.data(name)
        assert one.dtype == two.dtype
        assert one.shape == two.shape
        tolerance = {"rtol": 1e-6 if one.dtype == np.float32 else 1e-12, "atol": 0}
        assert np.array_equal(one, two) if exact and name != "threshold" else np.allclose(one, two, **tolerance)
    size = np.abs(ours.data("objective")).sum() + 1.0
    relative = 1e-12 if ours.dtypes["objective"] == np.float64 else 1e-5
    for name in ("num_elites", "coverage", "qd_score", "norm_qd_score", "obj_max", "obj_mean"):
        one, two = getattr(ours.stats, name), getattr(theirs.stats, name)
        assert (one is None) == (two is None)
        assert one is None or abs(one - two) <= relative * size
    if theirs.best_elite is None:
        assert ours.best_elite is None
    else:
        for name, value in theirs.best_elite.items():
            assert np.allclose(ours.best_elite[name], value, rtol=1e-6 if np.asarray(value).itemsize < 8 else 1e-12)


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    sizes=st.lists(st.integers(1, 120), min_size=1, max_size=5),
    soft=st.sampled_from([(None, -np.inf), (1.0, -np.inf), (0.0, -0.5), (0.01, -3.0), (0.3, 0.0), (1.0, 0.2)]),
    dtype=st.sampled_from([np.float64, np.float32]),
    rounded=st.booleans(),
    offset=st.sampled_from([0.0, -7.5]),
    single=st.booleans(),
)
def test_grid_equals_pyribs(seed, sizes, soft, dtype, rounded, offset, single):
    """Statuses, values, elites, order, thresholds and stats, with many ties and repeated cells."""
    rate, least = soft
    ours, theirs = pair(learning_rate=rate, threshold_min=least, dtype=dtype, qd_score_offset=offset)
    r = np.random.default_rng(seed)
    for n in sizes[:1] if single else sizes:
        objective = r.normal(size=n).round(1 if rounded else 17)
        measures = r.uniform(-2.2, 1.2, size=(n, 2)).round(1 if rounded else 17)
        row = (r.normal(size=(n, 4)), objective, measures)
        for one_row in zip(*row, strict=True) if single else [row]:
            add = ("add_single" if single else "add",) * 2
            one, two = (getattr(a, name)(*one_row) for a, name in zip((ours, theirs), add, strict=True))
            assert one.keys() == two.keys()
            assert np.array_equal(one["status"], two["status"])
            assert one["status"].dtype == two["status"].dtype
            assert one["value"].dtype == dtype
            assert np.allclose(one["value"], two["value"], rtol=1e-12 if dtype == np.float64 else 1e-5, atol=1e-6)
    assert_same(ours, theirs)
    queries = r.uniform(-2.2, 1.2, size=(30, 2))
    (found, elites), (found_theirs, elites_theirs) = ours.retrieve(queries), theirs.retrieve(queries)
    assert np.array_equal(found, found_theirs)
    assert np.array_equal(elites["solution"], elites_theirs["solution"], equal_nan=True)
    assert np.array_equal(elites["index"], elites_theirs["index"])
    if not ours.empty:
        for replace in (True, False):
            one, two = (a.sample_elites(len(ours), replace=replace) for a in (ours, theirs))
            assert np.array_equal(one["solution"], two["solution"])
    assert np.array_equal(ours.index_of(queries), theirs.index_of(queries))
    for edges, edges_theirs in zip(ours.boundaries, theirs.boundaries, strict=True):
        assert np.array_equal(edges, edges_theirs)


@pytest.fixture(autouse=True)
def uncompiled_strategies(plain_ribs):  # noqa: F811
    """For every test here."""


def evolution(archive, ranker="2imp", **options):
    return EvolutionStrategyEmitter(archive, x0=np.zeros(4), sigma0=0.3, ranker=ranker, seed=1, **options)


BOUNDS = [(-1.5, 1.5)] * 4
EMITTERS = {
    "gaussian": lambda a, **k: GaussianEmitter(a, sigma=0.3, x0=np.zeros(4), batch_size=12, seed=1),
    "iso_line": lambda a, **k: IsoLineEmitter(a, x0=np.zeros(4), iso_sigma=0.3, batch_size=12, seed=1),
    "genetic": lambda a, **k: GeneticAlgorithmEmitter(
        a, operator="gaussian", operator_kwargs={"sigma": 0.3}, x0=np.zeros(4), bounds=BOUNDS, batch_size=12, seed=1
    ),
    "cma": lambda a, **k: evolution(a, batch_size=12, **k),
    "cma_bounded": lambda a, **k: evolution(a, batch_size=12, bounds=BOUNDS, restart_rule=4, **k),
    "sep_cma": lambda a, **k: evolution(a, es="sep_cma_es", batch_size=12, selection_rule="mu", **k),
    "lm_ma": lambda a, **k: evolution(a, es="lm_ma_es", batch_size=4, **k),
    "openai": lambda a, **k: evolution(a, es="openai_es", batch_size=12, **k),
    "own_cma": lambda a, **k: evolution(a, es=CMAES, batch_size=12, **k),
    "cma_mega": lambda a, ranker="2imp", **k: GradientArborescenceEmitter(
        a, x0=np.zeros(4), sigma0=0.3, lr=0.5, ranker=ranker, batch_size=12, seed=1
    ),
    "omg_mega": lambda a, **k: GradientOperatorEmitter(
        a, sigma=0.1, sigma_g=0.3, x0=np.zeros(4), measure_gradients=True, batch_size=12, seed=1
    ),
}


def jacobian(x):
    """(n, 3, 4) of the objective and the two measures of `run`."""
    found = np.zeros((len(x), 3, 4))
    found[:, 0], found[:, 1, 0], found[:, 2, 1] = -2 * x, 1.0, 0.7
    return found


def run(archive, emitter, rounds=12, result=None, add_mode="batch", objective=True, **options):
    made = EMITTERS[emitter](archive, **options)
    scheduler = Scheduler(archive, [made], result_archive=result, add_mode=add_mode)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(rounds):
            if type(made).ask_dqd is not EmitterBase.ask_dqd:
                x = scheduler.ask_dqd()
                scheduler.tell_dqd(-np.sum(x**2, axis=1), x[:, :2] * [1.0, 0.7], jacobian(x))
            x = scheduler.ask()
            scheduler.tell(-np.sum(x**2, axis=1) if objective else None, x[:, :2] * [1.0, 0.7])
    return archive


@pytest.mark.parametrize("emitter", EMITTERS)
@pytest.mark.parametrize("add_mode", ["batch", "single"])
def test_a_scheduler_does_the_same_with_either_grid(emitter, add_mode):
    """Whole searches, CMA-ES state and samples of parents included, end with the same elites to the bit."""
    ours, theirs = pair()
    run(ours, emitter, add_mode=add_mode)
    run(theirs, emitter, add_mode=add_mode)
    assert len(ours) > 3
    assert_same(ours, theirs)


def test_the_one_emitter_that_wants_their_own_class():
    """It looks at the type of its archive, so no archive with the same interface will do."""
    ours, _ = pair()
    with pytest.raises(NotImplementedError, match="not implemented for BayesianOptimizationEmitter"):
        BayesianOptimizationEmitter(ours, bounds=BOUNDS, batch_size=2, seed=1)


@pytest.mark.parametrize("reselect", ["terminated", "all"])
def test_the_bandit_does_the_same_with_either_grid(reselect):
    grids = pair()
    schedulers = []
    for archive in grids:
        pool = [EMITTERS[name](archive) for name in ("cma", "iso_line", "sep_cma", "gaussian")]
        schedulers.append(BanditScheduler(archive, pool, num_active=2, reselect=reselect))
    for _ in range(12):
        for scheduler in schedulers:
            x = scheduler.ask()
            scheduler.tell(-np.sum(x**2, axis=1), x[:, :2] * [1.0, 0.7])
    assert_same(*grids)
    assert np.array_equal(schedulers[0]._selection, schedulers[1]._selection)
    assert (schedulers[0]._selection > 0).all()


@pytest.mark.parametrize("ranker", ["2imp", "imp", "2rd", "2obj"])
def test_cma_mae_with_a_result_archive(ranker):
    ours, theirs = pair(learning_rate=0.1, threshold_min=-5.0)
    results = pair()
    for archive, result in zip((ours, theirs), results, strict=True):
        run(archive, "cma", result=result, ranker=ranker)
    assert_same(ours, theirs)
    assert_same(*results)


@pytest.mark.parametrize("add_mode", ["batch", "single"])
def test_novelty_search_with_an_evolution_strategy(add_mode):
    archive = NoveltyArchive(solution_dim=4, measure_dim=2, k_neighbors=5, novelty_threshold=0.02)
    result = GridArchive(solution_dim=4, dims=[7, 5], ranges=RANGES)
    run(archive, "cma", ranker="nov", add_mode=add_mode, result=result)
    assert len(archive) > 50
    assert len(result) > 5


def test_diversity_without_an_objective():
    archive = NoveltyArchive(solution_dim=4, measure_dim=2, k_neighbors=5, novelty_threshold=0.02)
    run(archive, "gaussian", objective=False)  # pyribs' evolution strategies ask for an objective, this one does not
    assert len(archive) > 50
    assert archive.obj_max == 0.0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 8), st.integers(1, 20), st.integers(1, 400))
def test_novelty_against_an_archive_equals_pyribs(seed, m, k, size):
    r = np.random.default_rng(seed)
    ours = NoveltyArchive(solution_dim=1, measure_dim=m, k_neighbors=k)
    theirs = ribs_archives.ProximityArchive(solution_dim=1, measure_dim=m, k_neighbors=k, novelty_threshold=0.0)
    rows = np.zeros((size, 1)), r.normal(size=size), r.normal(size=(size, m))
    ours.append(*rows)
    theirs.add(*rows)
    queries, objective = r.normal(size=(20, m)), r.normal(size=20)
    one, two = (a.compute_novelty(queries, objective) for a in (ours, theirs))
    assert np.allclose(one[0], two[0], rtol=1e-12, atol=0)
    assert np.array_equal(one[1], two[1])
    assert np.array_equal(ours.index_of(queries), theirs.index_of(queries))
    for name in ours.field_list:
        assert np.array_equal(ours.data(name), theirs.data(name))


def test_twins_where_the_two_differ():
    ours = NoveltyArchive(solution_dim=1, measure_dim=2, k_neighbors=15, novelty_threshold=0.1)
    theirs = ribs_archives.ProximityArchive(solution_dim=1, measure_dim=2, k_neighbors=15, novelty_threshold=0.1)
    for archive in (ours, theirs):
        archive.add(np.zeros((20, 1)), None, np.ones((20, 2)))
    assert (len(ours), len(theirs)) == (1, 20)


def test_plots(tmp_path):
    pytest.importorskip("matplotlib").use("Agg")
    from matplotlib import pyplot
    from ribs import visualize

    grid, _ = pair()
    line = GridArchive(solution_dim=4, dims=[9], ranges=[(-1, 1)])
    novel = NoveltyArchive(solution_dim=4, measure_dim=2)
    x = np.random.default_rng(0).normal(size=(60, 4))
    for archive in (grid, novel):
        archive.add(x, x[:, 0], x[:, :2])
    line.add(x, x[:, 0], x[:, :1])
    for plot, archive in [
        (visualize.grid_archive_heatmap, grid),
        (visualize.grid_archive_heatmap, line),
        (visualize.parallel_axes_plot, grid),
        (visualize.parallel_axes_plot, novel),
        (visualize.proximity_archive_plot, novel),
        (visualize.archive_histogram, grid),
        (visualize.archive_ecdf, novel),
    ]:
        figure = pyplot.figure()
        plot(archive)
        figure.savefig(tmp_path / "plot.png")
        assert figure.axes
        pyplot.close(figure)


def test_data_frame_is_that_of_pyribs():
    ours, theirs = pair()
    x = np.random.default_rng(0).normal(size=(30, 4))
    for archive in (ours, theirs):
        archive.add(x, x[:, 0], x[:, :2])
    one, two = (a.data(return_type="pandas") for a in (ours, theirs))
    assert type(one) is type(two)
    assert one.equals(two)
    assert np.array_equal(one.get_field("solution"), ours.data("solution"))
