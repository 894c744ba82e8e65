"""OpenAI's evolution strategy: ranks, Adam and a step by hand, and the sphere beside evotorch's PGPE."""

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import qd
from operators import adam, centred_ranks
from qd import codec
from qd.algorithms import OpenAIES
from qd.algorithms import _mirrored as mirrored
from qd.errors import QDError
from qd.problems import Sphere
from qd.space import Box
from tests.driving import drive


class Weights(qd.Problem):
    """Two weights; their objective is told below."""

    measure_space = qd.Measures(("x",), (-100.0,), (100.0,), dims=(10,))

    def __init__(self, space: Box | None = None) -> None:
        self.solution_space = space or Box(-np.inf, np.inf, 2, init_sigma=1.0)

    def evaluate(self, request: qd.Request, seeds: np.ndarray) -> qd.Evaluation:
        raise AssertionError


# ------------------------------------------------------------- ranks


@pytest.mark.peer
@given(st.lists(st.one_of(st.integers(-3, 3).map(float), st.just(math.nan), st.just(-math.inf)), max_size=12))
def test_ranks_are_scipys_mean_ranks_with_nan_below_all(values: list[float]) -> None:
    from scipy.stats import rankdata

    n = len(values)
    codes = [(0, 0.0) if math.isnan(x) else (1, x) for x in values]  # a tuple sorts NaN first
    order = {code: place for place, code in enumerate(sorted(set(codes)))}
    theirs = rankdata([order[code] for code in codes], method="average")
    wanted = (theirs - 1) / (n - 1) - 0.5 if n > 1 else np.zeros(n)
    assert np.allclose(centred_ranks(values), wanted, rtol=0, atol=1e-15)


def test_ranks_by_hand() -> None:
    assert centred_ranks([10.0, -3.0, 2.0]).tolist() == [0.5, -0.5, 0.0]
    assert centred_ranks([1.0, 1.0, 1.0]).tolist() == [0.0, 0.0, 0.0]
    assert centred_ranks([math.nan, math.nan, 5.0]).tolist() == [-0.25, -0.25, 0.5]
    assert centred_ranks([7.0]).tolist() == [0.0]
    with pytest.raises(ValueError, match="objective of shape"):
        centred_ranks([[1.0, 2.0]])


# -------------------------------------------------------------- Adam


@pytest.mark.peer
@pytest.mark.parametrize(("dtype", "close"), [("float64", 1e-13), ("float32", 1e-6)])
def test_adam_steps_as_torch_does(dtype: str, close: float) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    weights = rng.normal(size=50).astype(dtype)
    first, second = np.zeros_like(weights), np.zeros_like(weights)
    theirs = torch.from_numpy(weights.copy()).requires_grad_(True)
    optimiser = torch.optim.Adam([theirs], lr=0.03, betas=(0.8, 0.95), eps=1e-6)
    for step in range(1, 40):
        gradient = (rng.normal(size=50) * 10.0 ** rng.integers(-6, 3, 50)).astype(dtype)
        weights, first, second = adam(weights, gradient, first, second, step, 0.03, 0.8, 0.95, 1e-6)
        theirs.grad = torch.from_numpy(gradient)
        optimiser.step()
        assert weights.dtype == first.dtype == second.dtype == dtype
        assert np.allclose(weights, theirs.detach().numpy(), rtol=0, atol=close)


def test_adam_keeps_what_it_is_given_and_names_what_is_wrong() -> None:
    weights, gradient, first, second = np.ones((4, 3))
    adam(weights, gradient, first, second, 1)
    assert (np.array([weights, gradient, first, second]) == 1).all()
    with pytest.raises(ValueError, match="dtype int64"):
        adam(np.ones(3, np.int64), gradient, first, second, 1)
    with pytest.raises(ValueError, match=r"second of shape \(2,\)"):
        adam(weights, gradient, first, second[:2], 1)
    with pytest.raises(ValueError, match="step 0"):
        adam(weights, gradient, first, second, 0)


# --------------------------------------------------------- a step by hand


def test_a_step_on_two_weights_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    search = OpenAIES(4, sigma=0.5, learning_rate=0.1, l2=0.25)
    state = search.init(Weights(), 0)
    state.center["weights"] = np.array([2.0, -1.0])
    steps = np.array([[1.0, 0.0], [2.0, -4.0]])
    monkeypatch.setattr(mirrored, "noise", lambda *_: iter(steps.copy()))
    request = search.ask(state, 100)
    assert request.solutions.tolist() == [[2.5, -1.0], [1.5, -1.0], [3.0, -3.0], [1.0, 1.0]]
    search.tell(state, request, qd.Evaluation(np.array([3.0, 0.0, 7.0, 0.0])))
    # ranks 2, 0.5, 3, 0.5 of 0..3: 1/6, -1/3, 1/2, -1/3; the pairs differ by 1/2 and 5/6
    # gradient (1/2 (1, 0) + 5/6 (2, -4)) / 4 = (13/24, -5/6); less the decay 0.25 (2, -1)
    uphill = np.array([13 / 24 - 0.5, -5 / 6 + 0.25])
    assert np.allclose(state.center["first"], -0.1 * uphill)
    assert np.allclose(state.center["second"], 0.001 * uphill**2)
    assert np.allclose(state.center["weights"], [2.1, -1.1])  # Adam's first step has the length of its rate
    assert state.center["steps"] == 1 and state.phase == "validate"


def test_the_second_step_remembers_the_first() -> None:
    search = OpenAIES(6, sigma=0.1, center_episodes=0)
    state = search.init(Weights(), 3)
    weights, first, second = state.center["weights"].copy(), np.zeros(2), np.zeros(2)
    for generation in (0, 1):
        request = search.ask(state, 100)
        objective = np.asarray(request.solutions) @ [1.0, -2.0]
        steps = (np.asarray(request.solutions)[0::2] - weights) / 0.1  # (pairs, d)
        ranks = np.argsort(np.argsort(objective)) / 5 - 0.5
        slope = -((ranks[0::2] - ranks[1::2]) @ steps) / 6 + 0.005 * weights
        search.tell(state, request, qd.Evaluation(objective))
        first, second = 0.9 * first + 0.1 * slope, 0.999 * second + 0.001 * slope**2
        t = generation + 1
        weights = weights - 0.01 * (first / (1 - 0.9**t)) / (np.sqrt(second / (1 - 0.999**t)) + 1e-8)
        assert np.allclose(state.center["weights"], weights, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_pairs_mirror_each_other_and_generations_differ(dtype: str) -> None:
    search = OpenAIES(40, sigma=0.5, center_episodes=0)
    state = search.init(Weights(Box(-np.inf, np.inf, 300, init_sigma=1.0, dtype=dtype)), 5)
    seen = []
    for _ in range(2):
        center = state.center["weights"].astype(np.float64)
        request = search.ask(state, 100)
        apart = np.asarray(request.solutions, np.float64) - center
        assert request.solutions.dtype == state.center["weights"].dtype == dtype
        assert np.allclose(apart[0::2], -apart[1::2], rtol=0, atol=1e-6)
        assert abs(apart.std() - 0.5) < 0.02
        seen.append(apart)
        search.tell(state, request, qd.Evaluation(apart[:, 0]))
    assert abs(np.corrcoef(seen[0].ravel(), seen[1].ravel())[0, 1]) < 0.05


def test_beyond_a_bound_is_mirrored_back() -> None:
    search = OpenAIES(100, sigma=3.0, learning_rate=10.0)
    state = search.init(Weights(Box(0.0, 1.0, 3)), 0)
    for _ in range(2):
        request = search.ask(state, 1000)
        x = np.asarray(request.solutions)
        assert (x >= 0).all() and (x <= 1).all() and len(np.unique(x)) > 250  # not piled up on the bounds
        search.tell(state, request, qd.Evaluation(x[:, 0]))
        center = search.ask(state, 1000)
        assert center.purpose == "validate" and 0 <= np.min(center.solutions) <= np.max(center.solutions) <= 1
        search.tell(state, center, qd.Evaluation(np.zeros(1)))
    assert np.abs(state.center["weights"]).max() > 1  # the centre itself moves without bounds


# ------------------------------------------------- failures, the budget's end


def test_failed_rows_are_the_worst_and_a_generation_without_differences_moves_nothing() -> None:
    search = OpenAIES(4, sigma=0.1, center_episodes=0)
    lost = qd.Evaluation(np.array([-1.0, np.nan, 5.0, 2.0]), status=np.array([0, 1, 0, 0]))
    bad = qd.Evaluation(np.array([-1.0, -99.0, 5.0, 2.0]))
    states = [search.init(Weights(), 1) for _ in range(2)]
    for state, evaluation in zip(states, (lost, bad), strict=True):
        search.tell(state, search.ask(state, 9), evaluation)
    assert states[0].center["weights"].tolist() == states[1].center["weights"].tolist()
    state = states[0]
    before = state.center["weights"].copy()
    for objective, status in ((np.full(4, np.nan), np.ones(4)), (np.zeros(4), np.zeros(4))):
        search.tell(state, search.ask(state, 9), qd.Evaluation(objective, status=status))
    assert state.center["weights"].tolist() == before.tolist()
    assert state.skipped == 2 and state.center["steps"] == 1 and state.generation == 3


def test_a_cut_request_moves_nothing() -> None:
    search = OpenAIES(4, sigma=0.1)
    state = search.init(Weights(), 1)
    before = state.center["weights"].copy()
    search.tell(state, search.ask(state, 3).rows(0, 3), qd.Evaluation(np.arange(3.0)))
    assert state.center["weights"].tolist() == before.tolist() and state.phase == "search"


def test_the_best_centre_is_kept_by_its_own_evaluations() -> None:
    search = OpenAIES(4, sigma=0.1, center_episodes=3)
    state = search.init(Weights(), 1)
    kept = []
    for value in (2.0, 5.0, np.nan, 3.0):
        search.tell(state, search.ask(state, 9), qd.Evaluation(np.array([100.0, 0.0, 50.0, 0.0])))
        request = search.ask(state, 9)
        assert request.purpose == "validate" and request.repeats == 3 and len(request) == 1
        kept.append(np.array(request.solutions[0]))
        search.tell(state, request, qd.Evaluation(np.array([value]), status=np.array([np.isnan(value)])))
    assert state.champion_objective == 5.0 and state.champion.tolist() == kept[1].tolist()
    report = search.report(state)
    assert report.metrics["center"] == 3.0 and report.metrics["champion"] == 5.0


def test_a_centre_that_the_budget_does_not_pay_for_is_not_waited_for() -> None:
    result = qd.run(qd.Experiment(Sphere(dimension=3, cells=5), OpenAIES(10, center_episodes=20), 25, seed=0))
    assert result.summary["evaluations"] == 10
    assert math.isnan(result.summary["metrics"]["champion"])


def test_the_state_is_small_and_holds_no_noise() -> None:
    search = OpenAIES(50, center_episodes=0)
    state = search.init(Weights(Box(-np.inf, np.inf, 20_000, init_sigma=1.0, dtype="float32")), 0)
    request = search.ask(state, 100)
    objective = np.asarray(request.solutions)[:, 0].astype(float)
    search.tell(state, search.ask(state, 100), qd.Evaluation(objective))  # compiled now
    assert len(codec.encode(vars(state))) < 6 * 4 * 20_000  # three vectors, and the bounds of the box
    tracemalloc.start()
    search.tell(state, request, qd.Evaluation(objective))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * 4 * 20_000  # of 25 pairs' noise: a fraction


# ------------------------------------------------------- what it comes to


@pytest.mark.peer
def test_it_finds_the_spheres_top_as_evotorchs_strategy_of_the_same_kind_does() -> None:
    """PGPE with Adam, a fixed deviation and centred ranks is this search but for the scale of the gradient."""
    pytest.importorskip("evotorch")
    problem = qd.problem(lambda x: -((x - 1.0) ** 2).sum(axis=1), batch=True, low=-5, high=5, length=20)
    settings = {"sigma": 0.1}
    ours = OpenAIES(40, learning_rate=0.05, l2=0.0, center_episodes=0, **settings)
    theirs = qd.algorithms.PGPE(
        40, optimizer="adam", center_learning_rate=0.05, sigma_learning_rate=0.0, ranking="centered", **settings
    )
    away = {}
    for name, search in (("ours", ours), ("theirs", theirs)):
        states = [drive(problem, search, 8000, seed) for seed in range(3)]
        centers = [state.center["weights"] if name == "ours" else state.center for state in states]
        away[name] = np.median([np.linalg.norm(center - 1.0) for center in centers])
    assert away["ours"] < 0.1 and away["theirs"] < 0.1  # they start about 13 away
    assert 0.4 < away["ours"] / away["theirs"] < 2.5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"population_size": 5}, "OpenAIES.population_size: got 5, wanted an even number"),
        ({"population_size": 0}, "OpenAIES.population_size"),
        ({"sigma": 0.0}, "OpenAIES.sigma"),
        ({"learning_rate": -1.0}, "OpenAIES.learning_rate"),
        ({"l2": -0.1}, "OpenAIES.l2"),
        ({"l2": math.inf}, "OpenAIES.l2"),
        ({"center_episodes": -1}, "OpenAIES.center_episodes"),
    ],
)
def test_bad_settings_are_refused_by_name(changes: dict, message: str) -> None:
    with pytest.raises(QDError, match=message):
        OpenAIES(**changes)


def test_masks_are_refused() -> None:
    problem = qd.problem(lambda mask: float(mask.sum()), space=qd.Mask(5))
    with pytest.raises(QDError, match="OpenAIES searches real vectors"):
        OpenAIES().init(problem, 0)
