"""Properties of every part that rewards are made of, and cases worked out by hand."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qd.rewards
from qd.errors import QDError
from qd.rewards import (
    BM25,
    BoxOverlap,
    Clip,
    Combiner,
    CountBonus,
    Delta,
    DifficultyScale,
    ExactMatch,
    Feature,
    Gene,
    GoalDistance,
    GoalProjection,
    HarmonicMean,
    LengthHistory,
    Lexicographic,
    LogRatio,
    Minimum,
    Mixture,
    Network,
    NGramModel,
    Novelty,
    Operator,
    OwnBest,
    Pattern,
    Potential,
    ProcessScore,
    Product,
    Reward,
    Router,
    Squash,
    Standardise,
    StepMask,
    Steps,
    Term,
    TextOverlap,
    TfidfSimilarity,
    Threshold,
    Tighten,
    Vote,
    WeightedSum,
    Within,
    capacity,
    empowerment,
    fitted,
    sql_scores,
)

CORPUS = ("the cat sat on the mat", "a dog ran", "birds sing")

TERMS: list[Term] = [
    BM25("text", "other", CORPUS),
    BoxOverlap("a", "b"),
    CountBonus(),
    CountBonus(("x", "y"), label="hashed_counts"),
    ExactMatch("text", "other"),
    ExactMatch("x", "y", number=True, tolerance=0.5, label="near"),
    Feature("x"),
    GoalDistance(("x", "y"), (1.0, Gene("goal"))),
    GoalProjection(("x", "y"), (1.0, 0.0), (0.0, 1.0)),
    LengthHistory("x", "flag", "own_best"),
    LogRatio("x", "y"),
    Network(("x", "y"), hidden=3, most=2.0),
    Novelty(("x", "y"), ((0.0, 0.0), (1.0, 2.0)), neighbours=1),
    Pattern("text", r"the .*"),
    Potential(("x",)),
    ProcessScore("x", label="process"),
    TextOverlap("text", "other", "bleu"),
    TextOverlap("text", "other", "rougeL"),
    TfidfSimilarity("text", "other", CORPUS),
    Vote((Feature("x"), Feature("y") | Squash()), "mean_minus_std"),
    Vote((Feature("x"), Feature("y"), Feature("flag")), "majority", label="majority"),
    Within("x"),
]
OPERATORS: list[Operator] = [
    Clip(),
    Delta(),
    Delta(form="drop"),
    DifficultyScale(("y",)),
    DifficultyScale(("y",), "saturating"),
    OwnBest(),
    Squash(),
    Squash("sigmoid"),
    Standardise(0.5, 2.0),
    StepMask("flag"),
    Threshold(),
    Threshold(soft=True),
    Tighten(),
    Tighten(stages=0),
]
COMBINERS: list[Combiner] = [
    HarmonicMean(),
    Lexicographic(),
    Minimum(),
    Mixture(),
    Product(),
    Router("flag", 2),
    WeightedSum(),
]
REWARDS: dict[str, Reward] = {
    **{f"{type(term).__name__}-{term.name}": Reward((term, Feature("z"))) for term in TERMS},
    **{f"{i}-{type(op).__name__}": Reward((Feature("x") | op, Feature("z"))) for i, op in enumerate(OPERATORS)},
    **{type(c).__name__: Reward((Feature("x"), Feature("z", label="second")), c) for c in COMBINERS},
}
ELSEWHERE = {"best_so_far", "criterion", "lagrange", "rubric_mean", "soft_cap"}
"""Modules whose parts have tests of their own."""
NUMBERS = ("x", "y", "z", "own_best", *(f"{box}_{at}" for box in "ab" for at in ("x0", "y0", "x1", "y1")))
LIBRARIES = ("TextOverlap", "TfidfSimilarity")
each_reward = pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.peer) if name.startswith(LIBRARIES) else name for name in REWARDS],
)


def steps_of(rng: np.random.Generator, m: int, value: float | None = None) -> Steps:
    """m steps; ``value`` in every number where it is given."""

    def column() -> Any:
        return rng.normal(size=m) if value is None else np.full(m, value)

    words = np.array(["the", "cat", "sat", "on", "a", "mat", "dog", "ran"])
    texts = {name: [" ".join(rng.choice(words, rng.integers(0, 6))) for _ in range(m)] for name in ("text", "other")}
    after = {name: column() for name in NUMBERS} | texts | {"flag": rng.integers(0, 2, m)}
    after |= {"visits": rng.integers(1, 9, m), "progress_of_training": rng.random(m)}
    return Steps(after, {name: column() for name in ("x", "y", "z")}, rng.random(m) < 0.3)


def take(steps: Steps, rows: list[int]) -> Steps:
    after = {name: [values[i] for i in rows] for name, values in steps.after.items()}
    return Steps(after, {name: values[rows] for name, values in steps.before.items()}, steps.ends[rows])


def drawn(reward: Reward, rng: np.random.Generator, n: int) -> np.ndarray:
    low, high = np.array([gene.bounds for gene in reward.genes]).T
    return np.clip(rng.normal(size=(n, len(low))) * 2, low, high)


def test_every_public_part_is_tested_here() -> None:
    tested = {type(part).__name__ for part in (*TERMS, *OPERATORS, *COMBINERS)}
    for name in qd.rewards.__all__:
        part = getattr(qd.rewards, name) if name != "GymReward" else None
        if isinstance(part, type) and issubclass(part, Term | Operator | Combiner):
            if part in (Term, Operator, Combiner) or part.__module__.removeprefix("qd.rewards.") in ELSEWHERE:
                continue
            assert name in tested


@each_reward
def test_values_do_not_depend_on_the_steps_and_solutions_beside_them(name: str) -> None:
    reward, rng = REWARDS[name], np.random.default_rng(1)
    steps, solutions = steps_of(rng, 7), drawn(reward, rng, 4)
    whole = reward.values(solutions, steps)
    assert whole.shape == (4, 7)
    rows = [5, 2, 2]
    assert (reward.values(solutions, take(steps, rows)) == whole[:, rows]).all()
    for i in range(4):
        assert (reward.values(solutions[i : i + 1], steps) == whole[i : i + 1]).all()
    parts = reward.parts(solutions[0], steps)
    assert list(parts) == [term.name for term in reward.terms] and all(part.shape == (7,) for part in parts.values())


@each_reward
@pytest.mark.parametrize("value", [0.0, 1.0, -1e308, 1e308, math.nan, math.inf, -math.inf])
def test_odd_numbers_neither_crash_nor_warn(name: str, value: float) -> None:
    reward, rng = REWARDS[name], np.random.default_rng(2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values = reward.values(drawn(reward, rng, 3), steps_of(rng, 4, value))
        assert values.shape == (3, 4)
        assert reward.values(drawn(reward, rng, 2), steps_of(rng, 0)).shape == (2, 0)
    if value in (0.0, 1.0):
        assert np.isfinite(values).all()


@each_reward
def test_formulas_name_their_terms_and_genes_stay_within_bounds(name: str) -> None:
    reward, rng = REWARDS[name], np.random.default_rng(3)
    solution = drawn(reward, rng, 1)[0]
    assert all(term.name.replace("potential", "shaping") in reward.formula(solution) for term in reward.terms)
    names = [gene.name for gene in reward.genes]
    assert len(set(names)) == len(names)
    for gene in reward.genes:
        low, high = (0.0, 1.0) if gene.scale == "switch" else (gene.least, gene.most)
        assert low <= gene.value(-99.0) <= gene.value(0.0) <= gene.value(99.0) <= high
        assert gene.value(0.0) == pytest.approx(gene.default)


@each_reward
def test_a_missing_variable_is_named_with_the_nearest(name: str) -> None:
    reward, rng = REWARDS[name], np.random.default_rng(4)
    steps = steps_of(rng, 2)
    hashes = {name for term in reward.terms if isinstance(term, CountBonus) for name in term.hashed}
    for variable in set(reward.needs) - {"visits"} - hashes:
        without = {f"{k}2" if k == variable else k: v for k, v in steps.after.items()}
        with pytest.raises(QDError, match=f"named '{variable}' here.*"):
            reward.values(reward.start(), Steps(without, steps.before, steps.ends))


WIDE = tuple(f"v{i}" for i in range(16))  # from eight numbers on, numpy adds in an order that depends on the shape


@pytest.mark.parametrize(
    "term",
    [
        GoalProjection(WIDE, tuple(range(1, 17)), tuple(range(16, 0, -1))),
        Network(WIDE, hidden=9),
        Novelty(WIDE, tuple(tuple(row) for row in np.random.default_rng(7).normal(size=(20, 16))), neighbours=12),
        Vote(tuple(Feature(name) for name in WIDE)),
        Vote(tuple(Feature(name) for name in WIDE), "mean_minus_std", label="cautious"),
    ],
    ids=lambda term: term.name,
)
def test_many_numbers_are_added_in_the_same_order_for_one_step_as_for_many(term: Term) -> None:
    reward, rng = Reward((term, Feature("v0"))), np.random.default_rng(6)
    columns = {name: rng.normal(size=5) for name in WIDE}
    solutions = drawn(reward, rng, 4)
    whole = reward.values(solutions, Steps(columns, columns))
    for i in range(5):
        one = {name: column[i : i + 1] for name, column in columns.items()}
        assert (reward.values(solutions, Steps(one, one))[:, 0] == whole[:, i]).all()
        assert all(reward.values(row[None], Steps(one, one))[0, 0] == whole[j, i] for j, row in enumerate(solutions))


def test_what_is_not_a_number_is_neither_inside_nor_outside() -> None:
    steps = Steps({"x": [math.nan, 0.0], "y": [0.9, 0.9], "z": [0.9, 0.9]})
    majority = Reward((Vote((Feature("x"), Feature("y"), Feature("z")), "majority"),))
    np.testing.assert_array_equal(majority.values(np.ones((1, 1)), steps), [[math.nan, 1.0]])
    within = Reward((Within("x"),))
    values = within.values(within.solution({"x_within.weight": 1.0})[None], steps)
    np.testing.assert_array_equal(values, [[math.nan, 1.0]])


numbers = hnp.arrays(np.float64, st.integers(1, 12), elements=st.floats(-1, 1))


@settings(max_examples=100, deadline=None)
@given(score=numbers, eta=st.floats(0, 1))
def test_clip_and_delta_bound_the_sum_of_an_answer_by_its_first_score(score: np.ndarray, eta: float) -> None:
    reward = Reward((ProcessScore("score", first=0.3, weight=None) | Clip() | Delta(form="drop"),))
    ends = np.arange(len(score)) == len(score) - 1
    steps = Steps({"score": score}, ends=ends, offsets=np.array([0, len(score)]))
    total = reward.values(reward.solution({"score.eta": eta})[None], steps).sum()
    assert total == pytest.approx(min(0.3 - eta, 0.0), abs=1e-9) and total <= 0


@settings(max_examples=100, deadline=None)
@given(score=numbers, first=st.floats(-1, 1), eta=st.floats(0, 1))
def test_clip_and_gain_bound_the_sum_of_an_episode(score: np.ndarray, first: float, eta: float) -> None:
    reward = Reward((Feature("score", None) | Clip() | Delta(),))
    before = np.array([first, *score[:-1]])
    solution = reward.solution({"score.eta": eta})[None]
    total = reward.values(solution, Steps({"score": score}, {"score": before})).sum()
    assert total == pytest.approx(min(score[-1] - eta, 0.0) - min(first - eta, 0.0), abs=1e-9)
    assert total <= max(eta - first, 0.0) + 1e-9  # however long it is


@settings(max_examples=50, deadline=None)
@given(x=numbers, theta=st.floats(-3, 3), offset=st.floats(-1, 1), discount=st.sampled_from([0.9, 1.0]))
def test_a_potential_telescopes(x: np.ndarray, theta: float, offset: float, discount: float) -> None:
    reward = Reward((Potential(("x",), discount=discount),))
    ends = np.arange(len(x) + 1) == len(x)
    steps = Steps({"x": [*x, 7.0]}, {"x": np.array([0.5, *x])}, ends)
    solution = reward.solution({"potential.x": theta, "potential.offset": offset})
    discounted = (discount ** np.arange(len(ends)) * reward.values(solution[None], steps)[0]).sum()
    assert discounted == pytest.approx(-(offset + 0.5 * theta))


def paid(reward: Reward, genes: dict[str, float], before: dict[str, Any] | None = None, **after: Any) -> list[float]:
    steps = Steps(after, {name: np.asarray(value) for name, value in (before or {}).items()})
    return [round(float(value), 6) for value in reward.values(reward.solution(genes)[None], steps)[0]]


def alone(part: Operator, **gene: Any) -> Reward:
    return Reward((Feature("x", None) | part, LogRatio("zero", "zero")))


@pytest.mark.parametrize(
    ("operator", "genes", "columns", "wanted"),
    [
        (Threshold(), {"x.at": 0.5}, {"x": [0.4, 0.5, 0.6]}, [0, 1, 1]),
        (Threshold(soft=True), {"x.at": 1.0, "x.steepness": 1.0}, {"x": [1, 1 + math.log(3)]}, [0.5, 0.75]),
        (Squash(), {"x.squash": 2.0}, {"x": [0, 2]}, [0, 0.761594]),
        (Squash("sigmoid"), {"x.squash": 1.0}, {"x": [0, -math.log(3)]}, [0.5, 0.25]),
        (Standardise(1.0, 2.0), {}, {"x": [1, 5]}, [0, 2]),
        (StepMask("on"), {}, {"x": [1, 5], "on": [0, 1]}, [0, 5]),
        (StepMask("on", inverted=True), {}, {"x": [1, 5], "on": [0, 1]}, [1, 0]),
        (DifficultyScale(), {"x.exponent": 2.0, "x.cap": 5.0}, {"x": [1, 1], "difficulty": [2, 3]}, [4, 5]),
        (OwnBest(), {"x.gains_only": 1}, {"x": [1, 5, 5], "own_best": [2, 3, math.nan]}, [0, 2, 0]),
        (OwnBest(), {"x.gains_only": 0}, {"x": [1, 5, 5], "own_best": [2, 3, -math.inf]}, [-1, 2, 0]),
        (
            Tighten(stages=0),
            {"x.from": 0.0, "x.to": 1.0},
            {"x": [0.4, 0.6], "progress_of_training": [0.5, 0.5]},
            [0, 0.6],
        ),
        (
            Tighten(stages=3),
            {"x.from": 0.0, "x.to": 1.0},
            {"x": [0.4] * 4, "progress_of_training": [0.3, 0.4, 0.7, 1]},
            [0.4, 0, 0, 0],
        ),
    ],
)
def test_operators(operator: Operator, genes: dict[str, float], columns: dict[str, Any], wanted: list[float]) -> None:
    assert paid(alone(operator), genes, None, zero=[0] * len(wanted), **columns) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("combiner", "genes", "a", "b", "wanted"),
    [
        (Product(), {"floor": 0.1, "b.power": 2.0}, [0.5, 0.0], [0.5, 1.0], [0.125, 0.1]),
        (HarmonicMean(), {}, [0.5, 1.0], [1.0, 1.0], [2 / 3, 1.0]),
        (Minimum(), {"b.scale": 2.0}, [0.5, 0.9], [1.0, 0.2], [0.5, 0.4]),
        # digits 0 .. 10 and 0 .. 2 by 0.1 and 0.5: (3, 0) is 9 of 32, (2, 2) is 8: the first decides
        (Lexicographic(), {"a.resolution": 0.1, "b.resolution": 0.5}, [0.3, 0.29, 1], [0, 1, 1], [9 / 32, 0.25, 1]),
        (Mixture(), {"temperature": 0.01}, [0.2, 0.9], [0.5, 0.1], [0.5, 0.9]),
        (Mixture(), {"temperature": 1.0, "a.bias": 1.0, "b.bias": 0.0}, [0.0], [1.0], [0.5]),
    ],
)
def test_combiners(
    combiner: Combiner, genes: dict[str, float], a: list[float], b: list[float], wanted: list[float]
) -> None:
    assert paid(Reward((Feature("a"), Feature("b")), combiner), genes, None, a=a, b=b) == pytest.approx(
        wanted, abs=1e-6
    )


@settings(max_examples=60, deadline=None)
@given(
    values=hnp.arrays(np.float64, (2, 3), elements=st.floats(0, 1)),
    z=hnp.arrays(np.float64, 3, elements=st.floats(-5, 5)),
)
def test_lexicographic_order_is_that_of_the_digits(values: np.ndarray, z: np.ndarray) -> None:
    reward = Reward((Feature("a"), Feature("b"), Feature("c")), Lexicographic())
    sizes = [float(gene.value(z[i])) for i, gene in enumerate(reward.genes)]
    digits = [
        [min(math.floor(v / s + 1e-9), math.floor(1 / s + 1e-9)) for v, s in zip(row, sizes, strict=True)]
        for row in values
    ]
    low, high = reward.values(z[None], Steps(dict(zip("abc", values.T, strict=True))))[0]
    assert (low < high) == (digits[0] < digits[1]) and (low == high) == (digits[0] == digits[1])


def test_a_router_asks_each_class_for_its_expert_and_no_other_class() -> None:
    reward = Reward((Feature("a"), Feature("b")), Router("group", 2, preferred=50.0))
    assert paid(reward, {}, None, a=[1, 1], b=[2, 2], group=[0, 1]) == [1, 2]
    assert np.isnan(paid(reward, {}, None, a=[1, 1], b=[2, 2], group=[2, 0.5])).all()


def test_a_vote_of_each_rule() -> None:
    opinions = (Feature("a"), Feature("b"), Feature("c"))
    columns = {"a": [1, 0.2], "b": [0.6, 0.2], "c": [0.2, 0.8]}
    wanted = {"mean": [0.6, 0.4], "majority": [1, 0], "minimum": [0.2, 0.2]}
    for rule, values in wanted.items():
        assert paid(Reward((Vote(opinions, rule),)), {"vote.weight": 1.0}, None, **columns) == pytest.approx(values)
    cautious = Reward((Vote(opinions, "mean_minus_std"),))
    std = math.sqrt(0.32 / 3)
    assert paid(cautious, {"vote.weight": 1.0, "vote.caution": 2.0}, None, **columns)[0] == pytest.approx(
        0.6 - 2 * std, abs=1e-6
    )


def test_distances_have_a_value_before_a_step() -> None:
    reward = Reward((GoalDistance(("x", "y"), (Gene("x"), 4.0)) | Delta(),))
    assert paid(reward, {"nearness.weight": 1.0, "nearness.x": 3.0}, {"x": [0], "y": [0]}, x=[3], y=[4]) == [5.0]
    seen = Novelty(("x", "y"), ((0.0, 0.0), (3.0, 4.0), (9.0, 9.0)), neighbours=2)
    assert paid(Reward((seen,)), {"novelty.weight": 1.0}, None, x=[0], y=[0]) == [2.5]


def test_the_projection_on_the_line_to_the_goal() -> None:
    reward = Reward((GoalProjection(("x", "y", "z"), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),))
    state = {"x": [3.0], "y": [0.0], "z": [4.0]}  # of length 5: (0.6, 0, 0.8)
    assert paid(reward, {"goal_likeness.weight": 1.0, "goal_likeness.alpha": 0.0}, None, **state) == [0.6]
    # the line x + y = 1: (0.6, 0) comes to (0.8, 0.2), 0.2 sqrt 2 from the goal, and z is taken away
    assert paid(reward, {"goal_likeness.weight": 1.0, "goal_likeness.alpha": 1.0}, None, **state) == [0.96]


def test_a_network_is_what_its_genes_say() -> None:
    reward = Reward((Network(("x", "y"), hidden=2, most=3.0, mean=(1.0, 0.0), std=(2.0, 1.0)),))
    names = ("x_to_0", "y_to_0", "x_to_1", "y_to_1", "bias_0", "bias_1", "out_0", "out_1", "bias")
    assert [gene.name for gene in reward.genes] == [f"network.{name}" for name in names]
    genes = dict(zip((gene.name for gene in reward.genes), (1, 2, -1, 0.5, 0.1, -0.2, 1, -1, 0.3), strict=True))
    x, y = (5.0 - 1) / 2, -1.0
    inner = math.tanh(x + 2 * y + 0.1) - math.tanh(-x + 0.5 * y - 0.2) + 0.3
    assert paid(reward, genes, None, x=[5.0], y=[-1.0]) == [pytest.approx(3 * math.tanh(inner), abs=1e-6)]
    assert len(Reward((Network(tuple("abcdefgh"), hidden=16),)).genes) == 161


def test_bm25_prefers_the_rare_word_and_the_short_text() -> None:
    reward = Reward((BM25("text", "query", ("a b", "a c", "a d e f")),))
    genes = {"text_relevance.weight": 1.0, "text_relevance.k1": 1.0, "text_relevance.b": 0.5}
    texts = ["b", "a", "b x x x x", "z"]
    values = paid(reward, genes, None, text=texts, query=["a b"] * 4)
    idf = math.log(1 + 2.5 / 1.5)  # b is in one of three texts, whose mean length is 8/3
    assert values[0] == pytest.approx(idf * 2 / (1 + 0.5 + 0.5 * 3 / 8), abs=1e-6)
    assert values[0] > values[2] > values[1] > values[3] == 0


def test_n_gram_probabilities_sum_to_one() -> None:
    model = NGramModel(("a b", "b b"), order=2, added=0.3)
    words = ["a", "b", "unknown"]
    begins = [math.exp(model.token_log_probabilities(word)[0]) for word in words]
    ends = math.exp(model.token_log_probabilities("")[0])
    assert sum(begins) + ends == pytest.approx(1)
    assert model.log_probabilities(["a b"])[0] == model.token_log_probabilities("a b").sum()


def test_a_pattern_that_would_never_end_is_stopped() -> None:
    reward = Reward((Pattern("text", r"(a|aa)+$", whole=False, seconds=0.1),))
    started = time.monotonic()
    (value,) = paid(reward, {"text_format.weight": 1.0}, None, text=["a" * 5000 + "b"])
    assert time.monotonic() - started < 20 and (math.isnan(value) or value == 0)
    short = Reward((Pattern("text", "a+", longest=3),))
    assert paid(short, {"text_format.weight": 1.0}, None, text=["aaa", "aaaa"]) == [1, 0]


def test_rule_checks() -> None:
    genes = {"x_within.weight": 1, "x_within.low": 0, "x_within.width": 2}
    assert paid(Reward((Within("x"),)), genes, None, x=[-0.1, 0, 2, 2.1]) == [0, 1, 1, 0]
    match = Reward((ExactMatch("text", "right"),))
    assert paid(match, {"text_match.weight": 1}, None, text=[" A  b", "ab"], right=["a B", "a b"]) == [1, 0]


def test_empowerment_is_the_capacity_of_the_channel() -> None:
    table = np.array([[0, 1, 2], [1, 1, 1], [0, 0, 2]])
    assert empowerment(table) == pytest.approx([math.log2(3), 0.0, 1.0])
    assert empowerment(table, steps=2) == pytest.approx([math.log2(3), 0.0, math.log2(3)])
    exact = [capacity(np.eye(3)[table[s]]) for s in range(3)]  # deterministic channels, by Blahut and Arimoto
    assert exact == pytest.approx([math.log2(3), 0.0, 1.0], abs=1e-6)
    # Of two actions, one slips into the other half of the time it slips: a binary symmetric channel with 0.1.
    two = np.array([[0, 1], [0, 1]])
    noise = 0.1
    wanted = 1 + noise * math.log2(noise) + (1 - noise) * math.log2(1 - noise)
    assert empowerment(two, slip=2 * noise) == pytest.approx([wanted, wanted], abs=1e-6)
    erasure = np.array([[0.75, 0.0, 0.25], [0.0, 0.75, 0.25]])
    assert capacity(erasure) == pytest.approx(0.75, abs=1e-6)
    for wrong in (-1, 3):
        with pytest.raises(QDError, match=f"empowerment.next_state: holds .*{wrong}"):
            empowerment(np.array([[0, 1], [wrong, 2], [1, 2]]))
    with pytest.raises(QDError, match="4096 sequences"):
        empowerment(np.zeros((2, 8), np.int32), steps=5)


@pytest.mark.parametrize("rounds", [1, 10, 100])
def test_a_capacity_that_is_cut_short_is_too_small_by_a_known_bound_at_most(rounds: int) -> None:
    rng = np.random.default_rng(8)
    for inputs, outputs in ((2, 2), (6, 3), (20, 4)):
        channel = rng.dirichlet(np.full(outputs, 0.5), inputs)
        short, whole = capacity(channel, rounds=rounds), capacity(channel)
        assert whole - short + 1e-12 >= 0 and (whole - short) * math.log(2) <= math.log(inputs) / rounds + 1e-12


def test_fitted_measures_each_term_behind_the_operators_before() -> None:
    reward = Reward((Feature("x") | Clip() | Standardise(), Feature("y") | Standardise(), Feature("z")),
                    default={"x.eta": 1.0})  # fmt: skip
    steps = Steps({"x": [0.0, 2.0, -2.0], "y": [5.0, 5.0, math.nan], "z": [0, 0, 0]})
    made = fitted(reward, steps)
    first, second = (term.operators[-1] for term in made.terms[:2])  # type: ignore[attr-defined]
    assert (first.mean, first.std) == pytest.approx((-4 / 3, np.std([-1, 0, -3])))
    assert (second.mean, second.std) == (5.0, 1.0)
    assert made.genes == reward.genes and made.default == reward.default
    assert fitted(made, steps) == made


def test_counts_of_states_and_of_hashes() -> None:
    bonus = Reward((CountBonus(), Feature("x")), WeightedSum(scale=0.1))
    genes = bonus.solution({"count_bonus.beta": 0.4})[None]
    assert bonus.kind == "history" and bonus.values(genes, Steps({"visits": [1, 4], "x": [0, 0]})).tolist() == [
        [0.4, 0.2]
    ]
    assert (bonus.values(genes, Steps({"x": [0, 0]})) == 0).all() and bonus.count_weights(genes).tolist() == [0.4]
    hashed = CountBonus(("x", "y"))
    steps = steps_of(np.random.default_rng(5), 40)
    coarse, fine = hashed.keys(np.array([[0.1, 1.0], [0.1, 32.0]]), steps)
    assert len(set(coarse)) == 2 and len(set(fine)) > 8
    with pytest.raises(QDError, match="visits, x, y"):
        Reward((hashed,)).count_weights(np.zeros((1, 2)))
    with pytest.raises(QDError, match="Minimum"):
        Reward((CountBonus(), Feature("x")), Minimum()).count_weights(np.zeros((1, 3)))
    with pytest.raises(QDError, match="own_best"):
        Reward((Feature("x") | OwnBest(),)).count_weights(np.zeros((1, 2)))


PETS = "CREATE TABLE pets(name, age); INSERT INTO pets VALUES ('Tom', 3), ('Rex', 7);"


@pytest.mark.parametrize(
    ("query", "runs", "execution"),
    [
        ("SELECT name FROM pets WHERE age > 5", 1, 1),
        ("select 'Rex'", 1, 1),
        ("SELECT age FROM pets", 1, 0),
        ("SELECT nme FROM pets", 0, 0),
        ("DROP TABLE pets", 0, 0),
        ("DELETE FROM pets", 0, 0),
        ("PRAGMA query_only = 0", 0, 0),
        ("ATTACH DATABASE 'stolen.db' AS d", 0, 0),
        ("SELECT 1; DROP TABLE pets", 0, 0),
        ("SELECT random()", 0, 0),
        ("SELECT load_extension('x')", 0, 0),
        ("SELECT readfile('/etc/passwd')", 0, 0),
        ("SELECT length(zeroblob(2000000000))", 1, 0),
        ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n", 1, 0),
        ("", 0, 0),
        ("\x00", 0, 0),
        ("\ud800", 0, 0),
    ],
)
def test_queries_read_and_nothing_more(query: str, runs: int, execution: int, tmp_path: Any, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    scores = sql_scores(query, "SELECT name FROM pets WHERE age > 5", PETS)
    assert (scores["runs"], scores["execution"]) == (runs, execution)
    assert all(0 <= score <= 1 for score in scores.values()) and not list(tmp_path.iterdir())


def test_rows_count_in_order_where_the_reference_orders_them() -> None:
    swapped = "SELECT name FROM pets ORDER BY age DESC"
    assert sql_scores(swapped, "SELECT name FROM pets", PETS)["execution"] == 1
    assert sql_scores(swapped, "SELECT name FROM pets ORDER BY age", PETS)["execution"] == 0
    assert sql_scores("SELECT name FROM pets", "SELECT name, age FROM pets", PETS)["schema"] == 0.5


BAD: list[tuple[Callable[[], Any], str]] = [
    (lambda: ExactMatch("a", "b", tolerance=-1), "ExactMatch.tolerance"),
    (lambda: Pattern("text", "("), r"Pattern.pattern: '\('"),
    (lambda: Pattern("text", "a", seconds=0), "seconds 0"),
    (lambda: GoalDistance(("x",), ()), "GoalDistance.goal"),
    (lambda: GoalProjection(("x",), (1.0,), (2.0,)), "GoalProjection.baseline"),
    (lambda: Novelty(("x",), ()), "Novelty.seen"),
    (lambda: Network((), 3), "Network"),
    (lambda: Network(("x",), std=(0.0,)), "Network.std"),
    (lambda: NGramModel(("a",), order=0), "order 0"),
    (lambda: BM25("a", "b", ("",)), "BM25.corpus"),
    (lambda: TfidfSimilarity("a", "b", ()), "TfidfSimilarity.corpus"),
    (lambda: TextOverlap("a", "b", "rougel"), "TextOverlap.metric.*did you mean 'rougeL'"),
    (lambda: Vote((Feature("x"), Feature("x"))), "Vote.terms"),
    (lambda: Vote((Feature("x"),), "mode"), "Vote.rule"),
    (lambda: Squash("tan"), "Squash.form.*did you mean 'tanh'"),  # type: ignore[arg-type]
    (lambda: Standardise(0.0, 0.0), "std above 0"),
    (lambda: Tighten(-1), "Tighten.stages"),
    (lambda: DifficultyScale("difficulty"), "DifficultyScale.variables"),  # type: ignore[arg-type]
    (lambda: Lexicographic(Gene("resolution", 0.1, low=1e-4, high=1.0)), "Lexicographic.resolution"),
    (lambda: Reward(tuple(Feature(name) for name in "abcdef"), Lexicographic()).genes, "at most 5"),
    (lambda: HarmonicMean(floor=0.0), "floor 0.0"),
    (lambda: Product(Gene("floor", low=-1.0)), "Product.floor"),
    (lambda: Router("a", 0), "Router: got classes 0"),
    (lambda: sql_scores("SELECT 1", "SELECT x", PETS), "sql_scores.reference"),
    (lambda: sql_scores("SELECT 1", "SELECT 1", "CREATE"), "sql_scores.script"),
    (lambda: capacity(np.ones((2, 2))), "capacity"),
]


@pytest.mark.parametrize(("make", "message"), BAD, ids=[message for _, message in BAD])
def test_bad_settings_are_named(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(QDError, match=message):
        make()


def test_settings_can_be_replaced() -> None:
    assert replace(Threshold(), soft=True).genes == Threshold(soft=True).genes


def test_an_operator_adds_what_it_reads_and_its_kind() -> None:
    term = Feature("x") | StepMask("flag") | OwnBest()
    assert term.needs == ("x", "flag", "own_best") and term.kind == "history"
    assert Reward((term,), Router("group", 1)).needs == ("x", "flag", "own_best", "group")


def test_the_score_before_a_step_is_of_the_same_episode() -> None:
    values = ProcessScore("x", first=0.5).values(np.zeros((1, 0)), Steps({"x": [1, 2, 3]}, offsets=np.array([0, 2, 3])))
    assert values.before is not None and values.before.tolist() == [[0.5, 1, 0.5]]


def test_a_query_makes_nothing_large() -> None:
    assert sql_scores("SELECT length(zeroblob(9000)) > 0", "SELECT 1", PETS)["execution"] == 1
    assert sql_scores("SELECT length(hex(zeroblob(9000000))) > 0", "SELECT 1", PETS)["execution"] == 0


def test_a_log_ratio_is_a_difference_of_logs() -> None:
    assert paid(Reward((LogRatio("p", "q"),)), {"log_ratio.beta": 0.5}, None, p=[-1], q=[-3]) == [1.0]
