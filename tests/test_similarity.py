"""The similarity encoder: its loss by hand, what it learns, who answers; the preference reward; spurious channels."""

import io
import json
from pathlib import Path

import numpy as np
import pytest

import qd
from qd.behavior import BehaviorSpace, PreferenceReward, SimilarityEncoder, StopAsking, Terminal
from qd.codec import decode, encode
from qd.rng import generator
from qd.store.settings import described

POINTS = np.concatenate(  # two numbers that mean something, six that do not
    [generator(1, "points").random((400, 2)), 3 * generator(2, "points").normal(size=(400, 6))], axis=1
)


def odd(*observations: np.ndarray) -> int:
    """The odd one out by the first two numbers."""
    places = np.stack(observations).reshape(3, -1)[:, :2].astype(float)
    return int(np.argmin([np.linalg.norm(places[i] - places[j]) for i, j in ((1, 2), (0, 2), (0, 1))]))


def accuracy(space: BehaviorSpace, rows: np.ndarray) -> float:
    triplets = np.argsort(generator(3, "points").random((2000, len(rows))), axis=1)[:, :3]
    said = space.encoder.chances(space.encode(rows)[triplets]).argmax(axis=1)  # type: ignore[attr-defined]
    return float((said == [odd(*rows[triplet]) for triplet in triplets]).mean())


# ------------------------------------------------------------ the loss


@pytest.mark.parametrize(
    ("kernel", "near", "far"),
    [("ste", np.exp(-1), np.exp(-9)), ("t-ste", 1 / 2, 1 / 10), ("crowd", 1 / 1.1, 1 / 9.1)],
)
def test_chances_of_a_hand_worked_triplet(kernel: str, near: float, far: float) -> None:
    """Places 0, 1 and 4 on a line: squared distances 9, 16 and 1 without the first, the second and the third."""
    measures = np.array([[[0.0, 0.0], [1.0, 0.0], [4.0, 0.0]]])
    far_pair = {"ste": np.exp(-16), "t-ste": 1 / 17, "crowd": 1 / 16.1}[kernel]
    total = near + far + far_pair
    chances = SimilarityEncoder(kernel=kernel).chances(measures)  # type: ignore[arg-type]
    np.testing.assert_allclose(chances, [[far / total, far_pair / total, near / total]], rtol=1e-12)


@pytest.mark.peer
@pytest.mark.parametrize("kernel", ["ste", "t-ste", "crowd"])
def test_the_error_of_a_fit_is_the_mean_surprise_at_the_answers(kernel: str) -> None:
    """What torch minimises is minus the logarithm of what numpy says of the same measures."""
    encoder = SimilarityEncoder(kernel=kernel, validation=0, epochs=30)  # type: ignore[arg-type]
    space = BehaviorSpace(encoder, (8,), 1)
    triplets = np.array([[0, 1, 2], [3, 4, 5], [6, 0, 3]])
    fit = encoder.learn_from(space.learned, POINTS, triplets, np.array([0, 2, 1]), generator(1, "t"))
    chances = encoder.chances(space.encode(POINTS)[triplets])
    assert fit.error == pytest.approx(-np.log(chances[range(3), [0, 2, 1]]).mean(), rel=1e-4)
    assert fit.rows == 3


@pytest.mark.peer
def test_it_learns_an_embedding_of_points_from_triplets_and_leaves_out_what_means_nothing() -> None:
    space = BehaviorSpace(SimilarityEncoder(oracle=odd, questions=300), (8,), seed=1)
    before = accuracy(space, POINTS[200:])
    space.fit(POINTS[:200])
    assert before < 0.6
    assert accuracy(space, POINTS[200:]) > 0.9
    weights = np.linalg.norm(space.learned["network"]["weights"][0], axis=0)  # (8,) of each input
    assert weights[:2].min() > 2 * weights[2:].max()


# ------------------------------------------------------------ asking


def test_triplets_are_distinct_finite_and_never_the_same_twice() -> None:
    encoder = SimilarityEncoder(oracle=odd)
    rows = POINTS[:12].copy()
    rows[5] = np.nan
    learned = encoder.init((8,), generator(1, "t"))
    triplets = encoder.ask_triplets(learned, rows, generator(2, "t"), 100)
    as_sets = {frozenset(triplet) for triplet in triplets.tolist()}
    assert len(as_sets) == len(triplets) == 100  # of 165
    assert all(len(triplet) == 3 and 5 not in triplet for triplet in as_sets)
    assert encoder.ask_triplets(learned, rows[:2], generator(2, "t"), 5).shape == (0, 3)
    assert encoder.ask_triplets(learned, rows[:3], generator(2, "t"), 5).shape == (1, 3)


@pytest.mark.peer
def test_what_is_asked_next_is_what_the_space_is_least_sure_of() -> None:
    def entropy(uncertain: float) -> float:
        encoder = SimilarityEncoder(oracle=odd, uncertain=uncertain, epochs=50)
        space = BehaviorSpace(encoder, (8,), seed=1)
        space.fit(POINTS[:200])
        triplets = encoder.ask_triplets(space.learned, POINTS, generator(4, "t"), 40)
        chances = encoder.chances(space.encode(POINTS)[triplets])
        return float(-(chances * np.log(chances)).sum(axis=1).mean())

    assert entropy(1.0) > entropy(0.5) > entropy(0.0)


@pytest.mark.peer
def test_broken_answers_are_counted_and_cost_only_their_own_question() -> None:
    said = iter([ValueError("no idea"), 3, "2", True, None, 1.0, np.int64(1), 0, 2] * 2)

    def oracle(*_: np.ndarray) -> object:
        answer = next(said)
        if isinstance(answer, Exception):
            raise answer
        return answer

    space = BehaviorSpace(SimilarityEncoder(oracle=oracle, questions=9, epochs=5), (8,))  # type: ignore[arg-type]
    with pytest.warns(UserWarning, match="raised ValueError: no idea; 1 failed and 4 were refused of 9"):
        fit = space.fit(POINTS)
    assert fit.rows == len(space.learned["answers"]) == 3
    assert space.learned["counts"] == {"asked": 9, "answered": 3, "skipped": 1, "refused": 4, "failed": 1}
    assert set(space.learned["answers"]) == {0, 1, 2}


@pytest.mark.peer
def test_without_answers_the_space_stays_and_says_so() -> None:
    space = BehaviorSpace(SimilarityEncoder(oracle=lambda *_: None, questions=4), (8,))
    before = space.encode(POINTS)
    with pytest.warns(UserWarning, match="no new answers"):
        fit = space.fit(POINTS)
    assert (fit.epochs, fit.rows, fit.rolled_back) == (0, 0, False)
    np.testing.assert_array_equal(before, space.encode(POINTS))
    assert space.learned["counts"]["skipped"] == 4


@pytest.mark.peer
def test_no_more_than_the_questions_in_all_are_asked() -> None:
    space = BehaviorSpace(SimilarityEncoder(oracle=odd, questions=5, max_questions=8, epochs=2), (8,))
    assert [space.fit(POINTS).rows for _ in range(3)] == [5, 8, 0]
    assert space.learned["counts"]["asked"] == 8


@pytest.mark.peer
def test_an_oracle_cannot_change_what_it_is_shown() -> None:
    def meddler(*observations: np.ndarray) -> int:
        for observation in observations:
            observation[:] = 0
        return 1

    rows = POINTS.copy()
    BehaviorSpace(SimilarityEncoder(oracle=meddler, questions=5, epochs=2), (8,)).fit(rows)
    np.testing.assert_array_equal(rows, POINTS)


@pytest.mark.peer
def test_an_interrupted_learning_goes_on_to_the_bit() -> None:
    settings = SimilarityEncoder(oracle=odd, questions=20, epochs=20)
    whole, halved = (BehaviorSpace(settings, (8,), seed=3) for _ in range(2))
    for rows in (POINTS[:100], POINTS[100:200], POINTS[200:]):
        whole.fit(rows)
        halved.fit(rows)
        halved.learned = decode(encode(halved.learned))
    assert encode(whole.learned) == encode(halved.learned)
    assert len(whole.learned["answers"]) == 60
    kept = whole.learned["observations"]  # what was answered can be asked again of what is kept
    assert [odd(*kept[triplet]) for triplet in whole.learned["triplets"]] == whole.learned["answers"].tolist()
    halved.learned["network"]["moments"] = {}
    for space in (whole, halved):
        space.fit(POINTS)
    assert encode(whole.learned["network"]["weights"]) != encode(halved.learned["network"]["weights"])


@pytest.mark.peer
def test_numbers_that_are_not_finite_roll_back() -> None:
    encoder = SimilarityEncoder(oracle=odd, questions=20, learning_rate=1e30, epochs=5)
    space = BehaviorSpace(encoder, (8,), seed=3)
    before = space.encode(POINTS)
    assert space.fit(POINTS).rolled_back
    np.testing.assert_array_equal(before, space.encode(POINTS))
    assert len(space.learned["answers"]) == 20  # what was said is not lost


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"latent": 0}, "latent: got 0"),
        ({"oracle": "crowd"}, "oracle: got 'crowd'"),
        ({"kernel": "rbf"}, "kernel: got 'rbf'"),
        ({"hidden": (0,)}, "hidden"),
        ({"uncertain": 1.5}, "uncertain: got 1.5"),
        ({"validation": 1.0}, "validation: got 1.0"),
        ({"sparsity": -1.0}, "sparsity: got -1.0"),
        ({"learning_rate": 0.0}, "learning_rate: got 0.0"),
        ({"threads": 0}, "threads: got 0"),
    ],
)
def test_bad_settings_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(qd.QDError, match=f"SimilarityEncoder.{message}"):
        SimilarityEncoder(**settings)


@pytest.mark.peer
@pytest.mark.parametrize("device", ["cuda:99", "gpu"])
def test_a_device_that_is_not_there_is_refused_at_the_door(device: str) -> None:
    with pytest.raises(qd.QDError, match=f"SimilarityEncoder.device: got '{device}'"):
        BehaviorSpace(SimilarityEncoder(device=device), (8,))


def test_bad_answers_given_by_hand_are_refused() -> None:
    encoder = SimilarityEncoder()
    learned = encoder.init((8,), generator(1, "t"))
    for triplets, answers, field in (
        ([[0, 1, 2]], [3], "answers: got 3"),
        ([[0, 1, 400]], [0], "triplets"),
        ([[0, 1, 2]], [0, 1], "triplets"),
    ):
        with pytest.raises(qd.QDError, match=field):
            encoder.learn_from(learned, POINTS, np.array(triplets), np.array(answers), generator(1, "t"))
    assert len(learned["answers"]) == 0


def test_an_oracle_is_described_by_its_name() -> None:
    about = described(SimilarityEncoder(oracle=odd))
    assert about["oracle"].endswith(":odd")
    assert described(SimilarityEncoder(oracle=Terminal(file="a.jsonl")))["oracle"]["file"] == "a.jsonl"


# ------------------------------------------------------------ a person


def type_in(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


@pytest.fixture
def person(tmp_path: Path) -> Terminal:
    return Terminal(file=str(tmp_path / "said" / "answers.jsonl"), picture=str(tmp_path / "question.png"))


def test_a_person_answers_skips_and_stops(
    person: Terminal, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    type_in(monkeypatch, "2\ns\n7\n\n 0 \nQ\n")
    a, b, c, d, e = POINTS[:5]
    assert person(a, b, c) == 2
    assert person(a, b, d) is None
    assert person(a, b, e) == 0
    with pytest.raises(StopAsking):
        person(c, d, e)
    printed = capsys.readouterr().out
    assert "got '7', wanted 0, 1, 2, s or q" in printed
    assert "0: float64 (8,)" in printed
    lines = Path(person.file).read_text().splitlines()
    assert [json.loads(line)["odd"] for line in lines] == [2, 0]


def test_what_was_said_is_replayed_in_any_order_and_nothing_is_lost(
    person: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b, c, d = POINTS[:4]
    type_in(monkeypatch, "2\n")
    assert person(a, b, c) == 2
    type_in(monkeypatch, "")
    assert (person(a, b, c), person(c, a, b), person(b, c, a)) == (2, 0, 1)
    with pytest.raises(StopAsking):  # the input has ended
        person(a, b, d)
    with Path(person.file).open("a") as file:
        file.write('{"observations": ["12')  # killed while it was written
    type_in(monkeypatch, "1\n")
    assert person(a, b, d) == 1
    assert (person(a, b, c), person(a, b, d)) == (2, 1)
    Path(person.file).write_text("nonsense\n")
    with pytest.raises(qd.QDError, match="line 1: got 'nonsense'"):
        person(a, b, c)


@pytest.mark.peer
def test_a_fit_with_a_person_is_repeated_by_the_file(person: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = SimilarityEncoder(oracle=person, questions=6, epochs=5)
    type_in(monkeypatch, "0\n1\ns\n2\nq\n")
    first = BehaviorSpace(encoder, (8,), seed=1)
    assert first.fit(POINTS).rows == 3
    assert first.learned["counts"]["asked"] == 4  # the one at which the person stopped is not asked
    type_in(monkeypatch, "s\n")
    again = BehaviorSpace(encoder, (8,), seed=1)
    again.fit(POINTS)
    np.testing.assert_array_equal(first.learned["answers"], again.learned["answers"])
    np.testing.assert_array_equal(first.encode(POINTS), again.encode(POINTS))


@pytest.mark.drawing
@pytest.mark.parametrize("shape", [(10, 2), (8, 8, 3), (2, 8, 8, 3)])
def test_paths_and_pictures_are_drawn(
    shape: tuple[int, ...], person: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = generator(1, "pictures").random((3, *shape))
    type_in(monkeypatch, "1\n")
    assert person(*(rows if len(shape) == 2 else (255 * rows).astype(np.uint8))) == 1
    assert Path(person.picture).stat().st_size > 1000


# ------------------------------------------------------------ rewards from preferences


@pytest.mark.peer
def test_a_linear_reward_gives_back_the_direction_that_was_preferred() -> None:
    rng = generator(1, "preferences")
    first, second = rng.normal(size=(2, 2000, 3)) * (1, 2, 5) + 7
    true = np.array([2.0, -0.5, 0.0])
    said = rng.random(2000) < 1 / (1 + np.exp(-(first - second) @ true))  # as Bradley and Terry have it
    reward = PreferenceReward(hidden=(), decay=0.0)
    learned = reward.init(3, rng)
    fit = reward.fit(learned, first, second, said, rng)
    slopes = reward.predict(learned, np.eye(3)) - reward.predict(learned, np.zeros((1, 3)))
    np.testing.assert_allclose(slopes, true, atol=0.25)
    assert 0 < fit.error < np.log(2)


@pytest.mark.peer
def test_a_small_network_learns_a_peak_and_goes_on_exactly() -> None:
    rng = generator(2, "preferences")
    rows = rng.random((600, 2))
    worth = -np.hypot(*(rows - (0.3, 0.7)).T)
    pairs = rng.integers(300, size=(400, 2))
    reward = PreferenceReward()
    learned = reward.init(2, rng)
    answers = np.sign(worth[pairs[:, 0]] - worth[pairs[:, 1]]) / 2 + 0.5
    reward.fit(learned, rows[pairs[:, 0]], rows[pairs[:, 1]], answers, generator(3, "preferences"))
    said = reward.predict(learned, rows[300:])
    assert np.corrcoef(said, worth[300:])[0, 1] > 0.8
    np.testing.assert_array_equal(said[7:9], reward.predict(learned, rows[307:309]))
    back = decode(encode(learned))
    for one in (learned, back):
        reward.fit(one, rows[pairs[:, 0]], rows[pairs[:, 1]], answers, generator(4, "preferences"))
    assert encode(learned) == encode(back)


def test_bad_preferences_are_refused() -> None:
    reward, rng = PreferenceReward(), generator(1, "t")
    learned, rows = reward.init(2, rng), np.zeros((4, 2))
    with pytest.raises(qd.QDError, match=r"second: got shape \(3, 2\), wanted \(4, 2\)"):
        reward.fit(learned, rows, rows[:3], np.ones(4), rng)
    with pytest.raises(qd.QDError, match="first: got shape"):
        reward.fit(learned, rows * np.nan, rows, np.ones(4), rng)
    with pytest.raises(qd.QDError, match="answers: wanted"):
        reward.fit(learned, rows, rows, np.array([0, 1, 2, np.nan]), rng)
    with pytest.raises(qd.QDError, match=r"PreferenceReward.decay"):
        PreferenceReward(decay=-1)
    assert reward.fit(learned, rows[:0], rows[:0], np.zeros(0), rng).rows == 0


# ------------------------------------------------------------ spurious channels


def observations(correlation: float, rows: int = 600) -> np.ndarray:
    problem = qd.problems.Spurious(qd.problems.RedundantArm(frames=6), correlation=correlation)
    solutions = problem.solution_space.sample(rows, generator(1, "spurious"))
    request = qd.Request(solutions, columns=("observation", "trajectory"))
    evaluation = qd.evaluate_batch(problem, request, run_seed=1, first=0, number=0)
    np.testing.assert_array_equal(evaluation.columns["observation"][:, :, :2], evaluation.columns["trajectory"])
    return evaluation.columns["observation"]


@pytest.mark.parametrize("correlation", [0.0, 0.8, -0.8])
def test_the_distractor_goes_along_with_the_path_as_much_as_it_is_told(correlation: float) -> None:
    seen = observations(correlation)
    assert seen.shape == (600, 6, 12)
    for channel in (0, 1):
        measured = np.corrcoef(seen[:, -1, channel], seen[:, -1, 2 + channel])[0, 1]
        assert measured == pytest.approx(correlation, abs=0.12)
        for other in range(4, 12):
            assert abs(np.corrcoef(seen[:, -1, channel], seen[:, -1, other])[0, 1]) < 0.2
    assert (seen[:, :, 2:].std(axis=(0, 1)) > 2 * seen[:, :, :2].std(axis=(0, 1)).max()).all()


def test_spurious_keeps_the_contract_and_the_clean_problem() -> None:
    clean = qd.problems.RedundantArm(frames=6)
    problem = qd.problems.Spurious(clean)
    assert qd.check_problem(problem) == []
    solutions = problem.solution_space.sample(20, generator(1, "spurious"))
    ours, theirs = (qd.evaluate_batch(one, qd.Request(solutions), run_seed=1, first=0, number=0)
                    for one in (problem, clean))  # fmt: skip
    np.testing.assert_array_equal(ours.measures, theirs.measures)
    assert ours.columns == {}
    assert problem.channels(2) == {"trajectory": slice(0, 2), "distractor": slice(2, 4), "noise": slice(4, 8),
                                   "wiggles": slice(8, 12)}  # fmt: skip
    with pytest.raises(qd.QDError, match=r"Spurious.problem: Sphere offers no column"):
        qd.problems.Spurious(qd.problems.Sphere(3))
    with pytest.raises(qd.QDError, match=r"Spurious.correlation: got 2"):
        qd.problems.Spurious(clean, correlation=2)
