"""pyribs' schedulers in our loop: equal to pyribs' own loop, resumed to the bit, unharmed by failures."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ribs import archives as theirs
from ribs import emitters as e
from ribs.emitters import opt
from ribs.emitters.rankers import TwoStageImprovementRanker
from ribs.schedulers import BanditScheduler, Scheduler

import qd
from archives import GridArchive, NoveltyArchive
from qd.codec import decode, encode
from qd.errors import CheckpointError
from qd.interop import ribs_objects, ribs_scheduler
from qd.interop.ribs_es import CMAES
from tests.plain_ribs import plain_ribs  # noqa: F401

pytestmark = [pytest.mark.usefixtures("plain_ribs"), pytest.mark.peer]

D = 6
SPHERE = qd.problems.Sphere(dimension=D, bound=float("inf"), cells=12)
RANGES = SPHERE.measure_space.ranges
X0 = np.zeros(D)
ID = {"id": ((), np.int64)}


def grid(kind: Any = GridArchive, **options: Any) -> Any:
    return kind(solution_dim=D, dims=(12, 12), ranges=RANGES, seed=5, **options)


def evolution(archive: Any, seed: int, **options: Any) -> Any:
    settings = {"x0": X0, "sigma0": 0.5, "batch_size": 6, "seed": seed} | options
    return e.EvolutionStrategyEmitter(archive, **settings)


Make = Callable[[qd.Problem, int], Any]


def of(make_emitters: Callable[[Any, int], list[Any]], make_archive: Callable[[], Any] = grid, **options: Any) -> Make:
    def make(problem: qd.Problem, seed: int) -> Any:
        archive = make_archive()
        return Scheduler(archive, make_emitters(archive, seed), **options)

    return make


def bandit(problem: qd.Problem, seed: int) -> Any:
    archive = grid(theirs.GridArchive)
    pool = [evolution(archive, seed + i, ranker=ranker) for i, ranker in enumerate(("2imp", "2rd", "obj", "imp"))]
    pool.append(e.IsoLineEmitter(archive, x0=X0, batch_size=5, seed=seed))
    return BanditScheduler(archive, pool, num_active=2)


def two_archives(problem: qd.Problem, seed: int) -> Any:
    archive = grid(learning_rate=0.1, threshold_min=0.0)
    result = grid(extra_fields=ID)
    return Scheduler(archive, [evolution(archive, seed, ranker="imp", selection_rule="mu")], result)


def density(problem: qd.Problem, seed: int) -> Any:
    result = grid()
    archive = theirs.DensityArchive(measure_dim=2, buffer_size=50, bandwidth=2.0, seed=seed)
    return Scheduler(archive, [evolution(result, seed, ranker="density")], result)


def gradients(**options: Any) -> Callable[[Any, int], list[Any]]:
    def make(archive: Any, seed: int) -> list[Any]:
        return [e.GradientArborescenceEmitter(archive, x0=X0, sigma0=1.0, lr=0.1, batch_size=6, seed=seed, **options)]

    return make


SCHEDULERS: dict[str, Make] = {
    "gaussian": of(lambda a, s: [e.GaussianEmitter(a, sigma=0.3, x0=X0, batch_size=7, seed=s)]),
    "iso_line": of(lambda a, s: [e.IsoLineEmitter(a, initial_solutions=np.eye(D), iso_sigma=0.4, batch_size=7,
                 seed=s)]),
    "genetic": of(lambda a, s: [e.GeneticAlgorithmEmitter(a, operator="isoline", operator_kwargs={"iso_sigma": 0.1,
                  "line_sigma": 0.2}, x0=X0, batch_size=7, seed=s)]),
    "single": of(lambda a, s: [evolution(a, s), evolution(a, s + 1)], add_mode="single"),
    "cma_es": of(lambda a, s: [evolution(a, s), evolution(a, s + 1, ranker="2rd", restart_rule=3)]),
    "sep_cma_es": of(lambda a, s: [evolution(a, s, es="sep_cma_es", ranker="rd")]),
    "lm_ma_es": of(lambda a, s: [evolution(a, s, es="lm_ma_es", ranker="imp")]),
    "openai_es": of(lambda a, s: [evolution(a, s, es="openai_es", ranker="obj", selection_rule="mu")]),
    "own_cma": of(lambda a, s: [evolution(a, s, es=CMAES), evolution(a, s + 1, es=CMAES, ranker="2rd")]),
    "cma_mega": of(gradients()),
    "cma_mega_adam": of(gradients(grad_opt="adam", selection_rule="mu")),
    "omg_mega": of(lambda a, s: [e.GradientOperatorEmitter(a, sigma=0.1, sigma_g=0.5, x0=X0, measure_gradients=True,
                   operator_type="isotropic", batch_size=6, seed=s)]),
    "og_map_elites": of(lambda a, s: [e.GradientOperatorEmitter(a, sigma=0.1, sigma_g=0.5, initial_solutions=np.eye(D),
                        operator_type="iso_line_dd", line_sigma=0.2, batch_size=6, seed=s)]),
    "mixed": of(lambda a, s: [*gradients()(a, s), evolution(a, s + 1)]),
    "bandit": bandit,
    "two_archives": two_archives,
    "their_grid": of(lambda a, s: [evolution(a, s)], lambda: grid(theirs.GridArchive)),
    "float32": of(lambda a, s: [evolution(a, s)], lambda: grid(theirs.GridArchive, dtype=np.float32)),
    "cvt": of(lambda a, s: [evolution(a, s)], lambda: theirs.CVTArchive(
        solution_dim=D, centroids=20, ranges=RANGES, samples=200, seed=3, k_means_kwargs={"random_state": 3})),
    "proximity": of(lambda a, s: [evolution(a, s, ranker="nov")], lambda: theirs.ProximityArchive(
        solution_dim=D, measure_dim=2, k_neighbors=4, novelty_threshold=0.5, seed=3)),
    "nslc": of(lambda a, s: [evolution(a, s, ranker="nslc")], lambda: theirs.ProximityArchive(
        solution_dim=D, measure_dim=2, k_neighbors=4, novelty_threshold=0.5, local_competition=True, seed=3)),
    "dns": of(lambda a, s: [e.GaussianEmitter(a, sigma=0.3, x0=X0, batch_size=7, seed=s)],
              lambda: theirs.DNSArchive(solution_dim=D, measure_dim=2, capacity=30, k_neighbors=3, seed=3)),
    "sliding": of(lambda a, s: [evolution(a, s)], lambda: theirs.SlidingBoundariesArchive(
        solution_dim=D, dims=(6, 6), ranges=RANGES, remap_frequency=20, buffer_capacity=40, seed=3)),
    "novelty": of(lambda a, s: [evolution(a, s, ranker="nov")], lambda: NoveltyArchive(
        solution_dim=D, measure_dim=2, k_neighbors=4, novelty_threshold=0.5)),
    "density": density,
}  # fmt: skip


class Broken(qd.problems.Sphere):
    """A sphere of which the named share of evaluations fails, by evaluation number."""

    def evaluate(self, request: qd.Request, seeds: Any) -> qd.Evaluation:
        found = super().evaluate(request, seeds)
        failed = self.fails(np.asarray(request.solutions), request.ids)
        found.objective[failed], found.measures[failed] = np.nan, np.nan
        return found


def broken(fails: Callable[[Any, Any], Any]) -> Any:
    problem = Broken(dimension=D, bound=float("inf"), cells=12)
    object.__setattr__(problem, "fails", fails)
    return problem


def drive(search: Any, state: Any, problem: qd.Problem, requests: int) -> Any:
    """Some turns of the loop by hand."""
    for _ in range(requests):
        request = search.ask(state, 1000)
        search.tell(state, request, qd.evaluate_batch(problem, request))
    return state


def started(make: Make, problem: qd.Problem = SPHERE, seed: int = 3) -> tuple[Any, Any]:
    search = qd.algorithms.RibsScheduler(make)
    return search, search.init(problem, seed)


def copied(state: Any) -> Any:
    """The state as a checkpoint has it."""
    return type(state)(**decode(encode(dict(vars(state)))))


def content(state: Any) -> bytes:
    return encode(dict(vars(state)))


@pytest.mark.parametrize("name", SCHEDULERS)
def test_a_checkpoint_goes_on_to_the_same_bits(name: str) -> None:
    """From before the first ask, between requests, and with a request in flight."""
    search, state = started(SCHEDULERS[name])
    copy = copied(state)
    assert content(copy) == content(state)
    for requests in (1, 2, 5):
        drive(search, state, SPHERE, requests)
        drive(search, copy, SPHERE, requests)
        assert content(copy) == content(state)
        copy = copied(copy)
    request = search.ask(state, 1000)
    copy = copied(state)
    for one in (state, copy):
        search.tell(one, request, qd.evaluate_batch(SPHERE, request))
        drive(search, one, SPHERE, 3)
    assert content(copy) == content(state)
    assert len(search.report(state).archives["elites"]) > 1


@pytest.mark.parametrize("name", SCHEDULERS)
def test_failed_rows_are_survived(name: str) -> None:
    """A third of all rows, then every row, then none; nothing that failed is in an archive."""
    search, state = started(SCHEDULERS[name])
    third = broken(lambda x, ids: x[:, 0] > 0.4)
    drive(search, state, third, 8)
    drive(search, state, broken(lambda x, ids: np.ones(len(x), bool)), 4)
    drive(search, state, SPHERE, 1)  # where gradients failed they are asked for again
    request = search.ask(state, 1000)
    search.tell(state, request, qd.evaluate_batch(third, request))
    elites = search.report(state).archives["elites"]
    assert len(elites) > 1
    assert np.isfinite(elites.data("objective")).all() and np.isfinite(elites.data("measures")).all()
    copy = copied(state)
    assert content(drive(search, copy, third, 2)) == content(drive(search, state, third, 2))


@pytest.mark.parametrize("name", SCHEDULERS)
def test_everything_failing_from_the_start_is_survived(name: str) -> None:
    search, state = started(SCHEDULERS[name])
    drive(search, state, broken(lambda x, ids: np.ones(len(x), bool)), 3)
    assert len(search.report(state).archives["elites"]) == 0
    drive(search, state, SPHERE, 6)
    assert len(search.report(state).archives["elites"]) > 0


@pytest.mark.parametrize("name", SCHEDULERS)
@pytest.mark.parametrize("rows", [1, 4])
def test_a_request_cut_short_is_told(name: str, rows: int) -> None:
    search, state = started(SCHEDULERS[name])
    drive(search, state, SPHERE, 3)
    request = search.ask(state, 1000).rows(0, rows)
    search.tell(state, request, qd.evaluate_batch(SPHERE, request))
    drive(search, state, SPHERE, 2)
    request = search.ask(state, 1000)
    search.dropped(state, request)
    drive(search, state, SPHERE, 2)


def own_loop(scheduler: Any, rounds: int) -> Any:
    """pyribs' loop as its tutorials have it."""
    for _ in range(rounds):
        solutions = scheduler.ask()
        found = SPHERE.evaluate(qd.Request(solutions), np.zeros(len(solutions), np.uint64))
        scheduler.tell(found.objective, found.measures)
    return scheduler


@pytest.mark.parametrize("name", ["gaussian", "iso_line", "genetic", "single", "cma_es", "sep_cma_es", "lm_ma_es",
                                  "openai_es", "own_cma", "bandit", "their_grid", "cvt", "proximity", "dns",
                                  "float32"])  # fmt: skip
def test_with_its_generators_left_alone_a_scheduler_does_as_in_pyribs_loop(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ribs_objects, "address", lambda *args: None)
    search, state = started(SCHEDULERS[name])
    drive(search, state, SPHERE, 12)
    plain = own_loop(SCHEDULERS[name](SPHERE, 3), 12)
    ours, wanted = state.scheduler.archive.data(), plain.archive.data()
    assert len(ours["objective"]) > 3
    for field, column in wanted.items():
        assert np.array_equal(ours[field], column), field
    pool = "emitter_pool" if name == "bandit" else "emitters"
    restarts = [[getattr(x, "restarts", 0) for x in getattr(s, pool)] for s in (state.scheduler, plain)]
    assert restarts[0] == restarts[1]
    if name == "bandit":
        assert np.array_equal(state.scheduler._success, plain._success)
        assert np.array_equal(state.scheduler._selection, plain._selection)


def test_the_tutorial_of_cma_me_on_the_sphere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their first example: 100 x 100 cells, three improvement emitters; here and in their own loop."""
    problem = qd.problems.Sphere(dimension=10, bound=float("inf"))

    def make(problem: qd.Problem, seed: int) -> Any:
        archive = theirs.GridArchive(solution_dim=10, dims=[100, 100], ranges=problem.measure_space.ranges, seed=seed)
        emitters = [e.EvolutionStrategyEmitter(archive, x0=[0.0] * 10, sigma0=0.1, seed=seed + i) for i in range(3)]
        return Scheduler(archive, emitters)

    monkeypatch.setattr(ribs_objects, "address", lambda *args: None)
    search, state = started(make, problem)
    drive(search, state, problem, 60)
    plain = make(problem, 3)
    for _ in range(60):
        solutions = plain.ask()
        found = problem.evaluate(qd.Request(solutions), np.zeros(len(solutions), np.uint64))
        plain.tell(found.objective, found.measures)
    assert len(plain.archive) > 100
    assert state.scheduler.archive.data(return_type="pandas").equals(plain.archive.data(return_type="pandas"))


def test_generators_are_addressed_by_their_place() -> None:
    """Two schedulers that differ only in their history draw the same at the same address; emitters draw apart."""
    _, state = started(SCHEDULERS["gaussian"])
    scheduler = state.scheduler
    draws = []
    for number in (1, 2, 1):
        ribs_objects.address(scheduler, 7, "ask", number)
        draws.append([scheduler.emitters[0]._rng.random(), scheduler.archive._rng.random()])
        scheduler.emitters[0]._rng.random(1000)
    assert draws[0] == draws[2] != draws[1]
    assert draws[0][0] != draws[0][1]


class Counting(TwoStageImprovementRanker):
    def __init__(self, seed: Any = None) -> None:
        super().__init__(seed)
        self.ranked = 0

    def rank(self, *args: Any) -> Any:
        self.ranked += 1
        return super().rank(*args)


def test_classes_of_your_own_are_refused_by_name_until_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    make = of(lambda a, s: [evolution(a, s, ranker=Counting)])
    with pytest.raises(qd.QDError, match=r"scheduler\._emitters\[0\]\._ranker: .*Counting cannot be stored"):
        started(make)
    monkeypatch.setattr(ribs_objects, "_allowed", dict(ribs_objects._allowed))
    ribs_objects.allow(Counting)
    search, state = started(make)
    drive(search, state, SPHERE, 3)
    data = encode(dict(vars(state)))
    assert decode(data)["scheduler"].emitters[0]._ranker.ranked == 3
    monkeypatch.setattr(ribs_objects, "_allowed", {k: v for k, v in ribs_objects._allowed.items() if v is not Counting})
    with pytest.raises(CheckpointError, match="not on the list"):
        decode(data)


class Thing:
    """A thing with attributes."""


def test_what_is_kept_of_a_graph_of_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ribs_objects, "_allowed", dict(ribs_objects._allowed))
    ribs_objects.allow(Thing)
    thing: Any = Thing()
    shared = np.arange(6.0).reshape(2, 3)
    thing.itself, thing.one, thing.two = thing, shared, shared
    thing.turned = np.asfortranarray(shared)
    thing.cube = np.arange(24.0).reshape(2, 3, 4).transpose(1, 2, 0)
    thing.locked = np.zeros(2)
    thing.locked.flags.writeable = False
    thing.numbers = (np.float32(0.1), 0.1, 1, True, None, np.int8(3), np.bool_(True), "a", -np.inf)
    thing.kinds = [np.float64, np.dtype(np.float32)]
    thing.mixed = np.array([None, 3, thing], object)
    thing.table = {(1, "a"): deque([1, 2]), "none": {}, 3: np.array(2.5)}
    back: Any = ribs_objects.load(decode(encode(ribs_objects.dump(thing))))
    assert back is not thing and back.itself is back and back.mixed[2] is back and back.mixed[:2].tolist() == [None, 3]
    assert back.one is back.two and np.array_equal(back.one, shared) and back.one.flags.writeable
    assert back.turned.flags.f_contiguous and not back.turned.flags.c_contiguous
    assert back.cube.strides == thing.cube.strides and np.array_equal(back.cube, thing.cube)
    assert not back.locked.flags.writeable
    assert back.numbers == thing.numbers
    assert [type(number) for number in back.numbers] == [type(number) for number in thing.numbers]
    assert back.kinds == [np.float64, np.dtype(np.float32)]
    assert back.table == thing.table and back.table[3].shape == ()


@pytest.mark.parametrize(
    "node",
    [
        {"kind": "object", "class": "subprocess:Popen", "state": {}},
        {"kind": "object", "class": "tests.test_ribs_scheduler:Thing", "state": {}},
        {"kind": "module", "name": "os"},
        {"kind": "dtype", "name": "|O"},
    ],
)
def test_data_cannot_choose_what_is_not_on_the_list(node: Any) -> None:
    with pytest.raises(CheckpointError):
        ribs_objects.load({"root": node})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (of(lambda a, s: [evolution(a, s, es=_with_lambda)]), r"_opt\.hook: .*function cannot be stored"),
        (of(lambda a, s: [evolution(a, None, ranker="2rd")]), "two calls with seed 3"),
        (of(lambda a, s: [evolution(a, s, x0=np.zeros(4))], lambda: GridArchive(solution_dim=4, dims=(5, 5),
            ranges=RANGES)), "solutions of 4 genes, Sphere has 6"),
        (of(lambda a, s: [evolution(a, s)], lambda: GridArchive(solution_dim=D, dims=(5,), ranges=RANGES[:1])),
         "has 1 measures, Sphere has 2"),
        (of(lambda a, s: [evolution(a, s)], lambda: grid(extra_fields={"age": ((), np.int64)})), r"fields \['age'\]"),
        (lambda problem, seed: grid(), "got a GridArchive, wanted a ribs.schedulers.Scheduler"),
        (lambda problem, seed: Scheduler(theirs.DensityArchive(measure_dim=2, seed=1), [evolution(grid(), seed)]),
         "keeps no elites"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_at_the_start(make: Make, message: str) -> None:
    with pytest.raises(qd.QDError, match=message):
        started(make)


def _with_lambda(**settings: Any) -> Any:
    made = opt.SeparableCMAEvolutionStrategy(**settings)
    made.hook = lambda: None
    return made


def test_gradients_need_a_problem_that_has_them() -> None:
    with pytest.raises(qd.QDError, match="PlanarArm does not offer the column 'jacobian'"):
        started(lambda problem, seed: Scheduler(
            (a := GridArchive(solution_dim=D, dims=(5, 5), ranges=[(0, 1)] * 2)), gradients()(a, seed)
        ), qd.problems.PlanarArm(joints=D))  # fmt: skip


def test_failed_rows_rank_last_and_are_no_parents() -> None:
    """By hand: rows 1 and 3 fail; the ranker's best row failed; under "mu" only rows that came out well are parents."""
    told: list[Any] = []

    class Spy(opt.SeparableCMAEvolutionStrategy):
        def tell(self, indices: Any, values: Any, parents: Any) -> None:
            told.append((indices.tolist(), np.asarray(values).tolist(), int(parents)))

    archive = grid()
    for rule, parents in (("mu", 1), ("filter", 1)):
        emitter = evolution(archive, 1, batch_size=4, ranker="obj", es=Spy, selection_rule=rule)
        data = {
            "solution": np.zeros((4, D)),
            "objective": np.array([1.0, 5.0, 5.0, 5.0]),
            "measures": np.zeros((4, 2)),
        }
        archive.add(np.zeros((1, D)), [1.0], [[0.0, 0.0]])
        with ribs_scheduler._sheltered(emitter, np.array([True, False, False, False])):
            emitter.tell(**data, add_info={"status": np.array([1, 0, 0, 0]), "value": np.zeros(4)})
        assert told.pop() == ([0, 1, 2, 3], [1.0] * 4, parents)
        assert emitter._batch_size == 4 and type(emitter._ranker).__name__ == "ObjectiveRanker"


def test_failed_and_missing_rows_count_as_not_let_in() -> None:
    """Of six rows in new cells two fail; of the next request only the first emitter's rows come back."""
    parents: list[int] = []

    class Spy(opt.SeparableCMAEvolutionStrategy):
        def tell(self, indices: Any, values: Any, count: Any) -> None:
            parents.append(int(count))

    archive = grid()
    emitters = [evolution(archive, 1 + i, es=Spy) for i in range(2)]
    search = qd.algorithms.RibsScheduler(lambda problem, seed: None)
    state = ribs_scheduler.RibsState(3, SPHERE.space(), Scheduler(archive, emitters), False)
    request = search.ask(state, 100)
    ok = np.arange(12) % 3 > 0
    low, high = np.array(RANGES).T
    measures = np.where(ok[:, None], np.linspace(low, high, 12), np.nan)
    search.tell(state, request, qd.Evaluation(np.where(ok, 1.0, np.nan), measures, status=np.where(ok, 0, 1)))
    assert parents == [4, 4]
    request = search.ask(state, 100).rows(0, 6)
    search.tell(state, request, qd.Evaluation(np.full(6, 2.0), np.linspace(low, high, 6)))
    assert parents[2:] == [6]  # the second was told nothing
    assert [emitter.itrs for emitter in emitters] == [2, 1]


def test_an_emitter_that_failed_altogether_starts_again_at_an_elite() -> None:
    search, state = started(of(lambda a, s: [evolution(a, s), evolution(a, s + 1)]))
    drive(search, state, SPHERE, 3)
    before = [emitter.restarts for emitter in state.scheduler.emitters]
    request = search.ask(state, 1000)
    evaluation = qd.evaluate_batch(SPHERE, request)
    evaluation.objective[6:], evaluation.measures[6:] = np.nan, np.nan
    evaluation.status[6:] = qd.Status.FAILED
    search.tell(state, request, evaluation)
    first, second = state.scheduler.emitters
    assert second.restarts == before[1] + 1
    assert (state.scheduler.archive.data("solution") == second._opt.mean).all(axis=1).any()
    assert search.report(state).metrics["restarts"] == first.restarts + second.restarts


def test_bounds_are_kept_by_mirroring() -> None:
    """Where pyribs would draw again for ever: 30 genes in a box as wide as two steps."""
    problem = qd.problems.PlanarArm(joints=30)

    def make(problem: qd.Problem, seed: int) -> Any:
        archive = GridArchive(solution_dim=30, dims=(10, 10), ranges=problem.measure_space.ranges)
        return Scheduler(archive, [e.EvolutionStrategyEmitter(archive, x0=[0.5] * 30, sigma0=0.5, seed=seed)])

    result = qd.run(qd.Experiment(problem, qd.algorithms.RibsScheduler(make), 300))
    assert result.summary["statuses"] == {"ok": 300, "failed": 0, "timed_out": 0, "invalid": 0}


def test_a_run_through_the_loop_keeps_the_numbers_of_evaluations(tmp_path: Path) -> None:
    experiment = qd.Experiment(SPHERE, qd.algorithms.RibsScheduler(two_archives), 100, seed=1, checkpoint_seconds=0)
    result = qd.run(experiment, tmp_path / "run")
    assert set(result.summary["archives"]) == {"elites", "learning"}
    ids = result.archive.data("id")
    assert len(set(ids)) == len(ids) and ids.max() >= 6 and ids.max() < 100
    again = qd.run(experiment)
    assert again.digest == result.digest != qd.run(replace(experiment, seed=2)).digest
