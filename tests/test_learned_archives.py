"""Archives that keep observations and are encoded anew; the rules of reward and unstructured archives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archives import NoveltyArchive, RewardArchive, UnstructuredArchive
from qd.codec import decode, encode
from qd.rng import generator

KINDS = [NoveltyArchive, RewardArchive, UnstructuredArchive]


def filled(kind: type, n: int = 50, shape: tuple = (2, 3)) -> tuple:
    rng = generator(3, "test")
    archive = kind(solution_dim=2, measure_dim=2, extra_fields={"observations": (shape, np.uint8)})
    seen = (rng.random((n, *shape)) * 255).astype(np.uint8)
    fields = {"observations": seen} | ({"emitter": np.arange(n)} if kind is RewardArchive else {})
    archive.append(rng.normal(size=(n, 2)), rng.random(n), rng.normal(size=(n, 2)), **fields)
    return archive, seen


def first_and_last(rows: np.ndarray) -> np.ndarray:
    flat = rows.reshape(len(rows), -1).astype(float)
    return flat[:, [0, -1]]


@pytest.mark.parametrize("kind", KINDS)
def test_encoding_anew_gives_the_measures_of_a_fresh_archive(kind: type) -> None:
    archive, seen = filled(kind)
    archive.re_encode(first_and_last, block=7)
    kept = archive.data(["measures", "observations"], return_type="tuple")
    np.testing.assert_array_equal(kept[0], first_and_last(kept[1]))
    np.testing.assert_array_equal(
        archive.best_elite["measures"], first_and_last(archive.best_elite["observations"][None])[0]
    )
    fresh = NoveltyArchive(solution_dim=2, measure_dim=2)
    fresh.append(archive.data("solution"), archive.data("objective"), kept[0])
    queries = first_and_last(seen)[:9] + 0.5
    np.testing.assert_array_equal(archive.compute_novelty(queries), fresh.compute_novelty(queries))


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_encoding_changes_nothing(kind: type) -> None:
    archive, _ = filled(kind)
    before = archive.data("measures")
    with pytest.raises(ValueError, match="measures of row 0"):
        archive.re_encode(lambda rows: np.full((len(rows), 2), np.nan))
    with pytest.raises(ValueError, match=r"measures of shape"):
        archive.re_encode(lambda rows: np.zeros((len(rows), 3)))
    with pytest.raises(ValueError, match="frames"):
        archive.re_encode(first_and_last, field="frames")
    np.testing.assert_array_equal(archive.data("measures"), before)


@pytest.mark.parametrize("kind", KINDS)
def test_state_survives_to_the_bit(kind: type) -> None:
    archive, seen = filled(kind)
    back = decode(encode({"archive": archive}))["archive"]
    assert type(back) is kind
    for one in (archive, back):
        one.re_encode(first_and_last)
        fields = {"observations": seen[:5]} | ({"emitter": np.arange(5)} if kind is RewardArchive else {})
        one.add(np.ones((5, 2)), np.full(5, 2.0), first_and_last(seen[:5]) + 1, **fields)
    for name in archive.field_list:
        np.testing.assert_array_equal(archive.data(name), back.data(name))


def test_ten_thousand_elites_are_encoded_anew() -> None:
    archive, seen = filled(NoveltyArchive, 10_000, (8, 8, 3))
    archive.re_encode(first_and_last)
    np.testing.assert_array_equal(archive.data("measures"), first_and_last(seen))


def test_an_emitters_rewards_rise_strictly() -> None:
    archive = RewardArchive(solution_dim=1, measure_dim=1, reward_threshold=0.0)

    def offer(objective: list[float], emitter: list[int]) -> list[int]:
        rows = np.arange(len(objective), dtype=float)[:, None]
        return archive.add(rows, objective, rows, emitter=emitter)["status"].tolist()

    assert offer([0.0, -1.0], [1, 1]) == [0, 0]  # no reward, nothing stored
    assert offer([0.2, 0.4, 0.3, 0.1], [1, 1, 1, 2]) == [0, 2, 0, 2]  # the best of each emitter, for a start
    assert offer([0.4, 0.5, 0.6, 0.2], [1, 1, 1, 2]) == [0, 2, 2, 2]  # all that beat the record before the batch
    assert offer([0.55, 0.61], [1, 1]) == [0, 2]
    assert archive.record(1) == 0.61
    assert archive.record(9) == -np.inf


def test_a_full_reward_archive_loses_the_worse_of_the_closest() -> None:
    archive = RewardArchive(solution_dim=1, measure_dim=1, capacity_limit=4)
    measures = np.array([[0.0], [10.0], [10.1], [20.0], [30.0], [30.2]])
    objective = np.array([1.0, 2.0, 3.0, 1.0, 5.0, 4.0])
    archive.append(measures, objective, measures, emitter=np.arange(6))
    assert archive.data("solution")[:, 0].tolist() == [0.0, 10.1, 20.0, 30.0]
    assert archive.data("index").tolist() == [0, 1, 2, 3]
    assert archive.qd_score == pytest.approx(10.0)


def test_a_reward_everywhere_stays_within_its_bound() -> None:
    archive = RewardArchive(solution_dim=3, measure_dim=2, capacity_limit=100)
    rng = generator(1, "test")
    for batch in range(40):
        archive.add(
            rng.normal(size=(50, 3)), rng.random(50) + 1, rng.normal(size=(50, 2)), emitter=np.arange(50) + 50 * batch
        )
        assert len(archive) <= 125


def naive(points: np.ndarray, scores: np.ndarray, distance: float) -> list[tuple[int, int]]:
    held: list[int] = []
    out = []
    for i in range(len(points)):
        apart = sorted((float(np.linalg.norm(points[i] - points[h])), place) for place, h in enumerate(held))
        if not apart or apart[0][0] > distance:
            held.append(i)
            out.append((len(held) - 1, 2))
        elif (len(apart) < 2 or apart[1][0] > distance) and scores[i] > scores[held[apart[0][1]]]:
            held[apart[0][1]] = i
            out.append((apart[0][1], 1))
        else:
            out.append((-1, 0))
    return out


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 40), st.floats(0.05, 1.0))
def test_competition_equals_a_naive_one(seed: int, n: int, distance: float) -> None:
    rng = generator(seed, "test")
    points, scores = rng.random((n, 2)), rng.integers(0, 4, n).astype(float)
    archive = UnstructuredArchive(solution_dim=1, measure_dim=2, distance=distance)
    status = archive.add(np.arange(n, dtype=float)[:, None], scores, points)["status"]
    wanted = naive(points, scores, distance)
    assert status.tolist() == [entry[1] for entry in wanted]
    last = {slot: row for row, (slot, _) in enumerate(wanted) if slot >= 0}
    assert archive.data("solution")[:, 0].tolist() == [last[slot] for slot in range(len(archive))]


def test_the_size_is_steered_and_bounded() -> None:
    archive = UnstructuredArchive(solution_dim=1, measure_dim=2, distance=0.0, target_size=100)
    rng = generator(2, "test")
    for _ in range(60):
        archive.add(rng.normal(size=(50, 1)), rng.random(50), rng.random((50, 2)))
        archive.control_size()
        assert len(archive) <= 150
    assert 60 <= len(archive) <= 150
    distances = np.linalg.norm(archive.data("measures")[:, None] - archive.data("measures")[None], axis=2)
    assert np.isfinite(archive.distance)
    assert (distances[np.triu_indices(len(archive), 1)] > 0).all()


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (RewardArchive, {"capacity_limit": 1}),
        (UnstructuredArchive, {"distance": -1.0}),
        (UnstructuredArchive, {"target_size": 0}),
        (UnstructuredArchive, {"gain": 0.0}),
        (UnstructuredArchive, {"size_limit": 0.5}),
    ],
)
def test_wrong_settings_are_named(kind: type, wrong: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        kind(solution_dim=1, measure_dim=1, **wrong)
