"""Latent searches: the prior by hand, what each purpose may see, rewards that deceive, and digits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import qd
from qd.algorithms import EvolutionStrategy, RandomSearch, Selected
from qd.contracts import Request, Status
from qd.errors import QDError
from qd.problems import DigitLatents, LatentNoise
from qd.problems._latent_search import norm_term, onto_sphere
from qd.rewards import Feature, Gene, Reward, SoftCap

SMALL = {"dimension": 16}


def drawn(problem, n=40, seed=0):
    return problem.solution_space.sample(n, np.random.default_rng(seed))


def evaluated(problem, solutions, purpose="search"):
    return qd.evaluate_batch(problem, Request(solutions, purpose=purpose, columns=("scores", "norm")))


def test_the_norm_term_by_hand():
    """d = 3: 2 log n - n^2 / 2, whose maximum, log 2 - 1, is at n = sqrt(2)."""
    n = np.array([np.sqrt(2.0), 1.0, 2.0])
    z = n[:, None] * np.array([0.6, 0.0, 0.8])
    assert norm_term(z) == pytest.approx([0.0, -0.5 - (np.log(2) - 1), 2 * np.log(2) - 2 - (np.log(2) - 1)])
    assert np.isfinite(norm_term(np.zeros((1, 3)))).all()


@given(st.integers(2, 200), st.floats(1e-150, 1e150), st.integers(0, 99))
def test_the_sphere_has_radius_sqrt_d_and_keeps_the_direction(d, length, seed):
    z = length * np.random.default_rng(seed).standard_normal((3, d))
    on = onto_sphere(z)
    assert np.sqrt((on**2).sum(axis=1)) == pytest.approx(np.sqrt(d))
    assert (on * z).sum(axis=1) / np.sqrt((z**2).sum(axis=1)) == pytest.approx(np.sqrt(d))


def test_zero_has_a_place_on_the_sphere():
    assert onto_sphere(np.zeros((1, 4))).tolist() == [[2.0, 0.0, 0.0, 0.0]]


@pytest.mark.parametrize("prior", ["none", "norm", "sphere"])
def test_rows_are_independent(prior):
    assert qd.check_problem(LatentNoise(prior=prior, adversary=1.0, **SMALL)) == []


def test_rewards_are_standardised_and_agree_in_part():
    problem = LatentNoise()
    scores = problem.scores(np.random.default_rng(5).standard_normal((4000, 64)))
    assert scores.mean(axis=0) == pytest.approx(0, abs=0.1) and scores.std(axis=0) == pytest.approx(1, abs=0.06)
    correlations = np.corrcoef(scores.T)[np.triu_indices(5, 1)]
    assert correlations.min() > 0.4 and correlations.max() < 0.9


def test_a_search_never_sees_the_held_out_reward():
    problem = LatentNoise(prior="norm", norm_weight=0.1, **SMALL)
    z = drawn(problem)
    search, select, test = (evaluated(problem, z, purpose) for purpose in ("search", "select", "test"))
    for one in (search, select):
        assert np.isnan(one.columns["scores"][:, 4]).all() and np.isfinite(one.columns["scores"][:, :4]).all()
    assert select.objective == pytest.approx(select.columns["scores"][:, :4].mean(axis=1))
    assert search.objective == pytest.approx(select.objective + 0.1 * norm_term(z))
    assert test.objective == pytest.approx(test.columns["scores"][:, 4])
    assert search.columns["norm"] == pytest.approx(np.sqrt((z**2).sum(axis=1)))


def test_on_the_sphere_length_means_nothing():
    problem = LatentNoise(**SMALL)
    z = drawn(problem)
    near, far = evaluated(problem, z), evaluated(problem, 7 * z)
    assert far.objective == pytest.approx(near.objective) and far.columns["norm"] == pytest.approx(4.0)


def test_one_climbed_reward():
    problem = LatentNoise(climbed=1, prior="none", **SMALL)
    evaluation = evaluated(problem, drawn(problem))
    assert problem.used_names == ("reward_0",)
    assert evaluation.objective == pytest.approx(evaluation.columns["scores"][:, 0])


def test_rewards_combined_by_a_reward():
    terms = (Feature("reward_0", weight=Gene("weight", default=2.0)), Feature("reward_2", weight=None))
    problem = LatentNoise(reward=Reward(terms), **SMALL)
    evaluation = evaluated(problem, drawn(problem))
    scores = evaluation.columns["scores"]
    assert evaluation.objective == pytest.approx(2 * scores[:, 0] + scores[:, 2])


def test_an_adversary_is_like_the_honest_one_where_random_latents_are():
    honest, hostile = LatentNoise(), LatentNoise(adversary=5.0)
    z = np.random.default_rng(2).standard_normal((500, 64))
    a, b = honest.raw_rewards(z), hostile.raw_rewards(z)
    assert (a[:, [0, 1, 2, 4]] == b[:, [0, 1, 2, 4]]).all() and (b[:, 3] >= a[:, 3]).all()
    assert 0.94 < (a[:, 3] == b[:, 3]).mean() < 1


def capped():
    cap = Gene("cap", default=4.0, low=0.0, high=10.0)
    return Reward(tuple(Feature(f"reward_{k}", weight=None) | SoftCap(cap) for k in range(4)))


@pytest.mark.thorough
def test_an_adversary_deceives_the_mean_and_a_cap_helps():
    """Held-out rewards of 600 evaluations, mean of four landscapes."""

    def held_out(**settings):
        found = []
        for seed in range(4):
            problem = LatentNoise(landscape=seed, prior="none", **settings)
            search = Selected(EvolutionStrategy("sep_cma", 20, sigma=0.5), candidates=1)
            result = qd.run(qd.Experiment(problem, search, 602, seed=seed), progress=False)
            found.append(result.summary["metrics"]["test_objective"])
        return np.mean(found)

    honest, deceived, careful = held_out(), held_out(adversary=10.0), held_out(adversary=10.0, reward=capped())
    assert deceived < honest - 0.5 and careful > deceived + 0.5


def test_latents_that_are_no_numbers_are_lost_alone():
    problem = LatentNoise(prior="none", **SMALL)
    z = drawn(problem, 3)
    z[1, 0] = np.nan
    assert evaluated(problem, z).status.tolist() == [Status.OK, Status.INVALID, Status.OK]


class Dull(LatentNoise):
    """Its third reward is no number for some latents."""

    def raw_rewards(self, latents):
        found = super().raw_rewards(latents)
        found[:, 2] = np.where(latents[:, 0] > 2, np.nan, found[:, 2])
        return found


def test_rewards_that_are_no_numbers_are_named():
    with pytest.raises(QDError, match="Dull: reward 'reward_2' is the same, or no number"):
        Dull(**SMALL).prepare()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LatentNoise(prior="ball"), "LatentNoise.prior: got 'ball'"),
        (lambda: LatentNoise(norm_weight=-1.0), "LatentNoise.norm_weight: got -1"),
        (lambda: LatentNoise(dimension=1), "LatentNoise.dimension: got 1"),
        (lambda: LatentNoise(rewards=1), "LatentNoise.rewards: got 1"),
        (lambda: LatentNoise(climbed=5), "LatentNoise.climbed: got 5 of 5 rewards"),
        (lambda: LatentNoise(correlation=1.2), "LatentNoise.correlation: got 1.2"),
        (lambda: LatentNoise(adversary=float("inf")), "LatentNoise.adversary: got inf"),
        (lambda: LatentNoise(reward=Reward((Feature("reward_4"),))), "'reward_4', which is held out"),
        (lambda: LatentNoise(reward=Reward((Feature("beauty"),))), "'beauty', which is not there"),
        (lambda: LatentNoise(reward=3), "LatentNoise.reward: got int"),
        (lambda: DigitLatents(wanted=10), "DigitLatents.wanted: got 10"),
    ],
)
def test_bad_settings(make, message):
    with pytest.raises(QDError, match=message):
        make()


def test_weights_outside_their_bounds_are_refused():
    with pytest.raises(QDError, match=r"wanted -5\.0 \.\. 5\.0"):
        Reward((Feature("reward_0"),), default={"reward_0.weight": 9.0})


# ---------------------------------------------------------------- digits


@pytest.fixture(scope="session")
def nets(tmp_path_factory):
    """The nets in a cache folder of the tests' own, unless one is set."""
    from qd.problems import _digit_nets

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QD_CACHE", str(tmp_path_factory.mktemp("cache")))
        _digit_nets.digit_nets.cache_clear()
        yield _digit_nets.digit_nets()
        _digit_nets.digit_nets.cache_clear()


@pytest.mark.peer
@pytest.mark.usefixtures("nets")
class TestDigits:
    def test_the_classifiers_learned(self, nets):
        assert min(nets.accuracy.values()) > 0.9

    def test_rows_are_independent(self):
        assert qd.check_problem(DigitLatents()) == []

    def test_training_again_gives_the_same_nets(self, nets):
        from qd.problems import _digit_nets

        sizes, activation = _digit_nets.CLASSIFIERS["narrow"]
        from sklearn.datasets import load_digits

        digits = load_digits()
        images, labels = (digits.data / 16).astype(np.float32), digits.target.astype(np.int64)
        half = _digit_nets.generator(_digit_nets.VERSION, "digit halves").permutation(len(images)) < len(images) // 2
        again = _digit_nets._trained_classifier("narrow", sizes, activation, images[half], labels[half])
        for one, other in zip(again, nets.classifiers["narrow"], strict=True):
            np.testing.assert_array_equal(one.weights, other.weights)

    def test_log_odds_by_hand(self):
        """Logits 0 but log 9 for the wanted class: p = 0.5."""
        logits = np.zeros((1, 10))
        logits[0, 3] = np.log(9.0)
        assert DigitLatents(wanted=3)._log_odds(logits) == pytest.approx(0.0, abs=1e-12)

    def test_forward_is_torchs(self, nets):
        import torch

        x = np.random.default_rng(0).random((5, 64))
        layers = nets.classifiers["wide"]
        y = torch.from_numpy(x)
        y = torch.tanh(y @ torch.from_numpy(layers[0].weights) + torch.from_numpy(layers[0].biases))
        y = y @ torch.from_numpy(layers[1].weights) + torch.from_numpy(layers[1].biases)
        from qd.problems._digit_nets import forward

        np.testing.assert_allclose(forward(layers, x, "tanh"), y.numpy(), atol=1e-10)

    def test_evolution_beats_the_best_of_n_on_what_it_did_not_see(self):
        def found(search):
            result = qd.run(
                qd.Experiment(DigitLatents(wanted=5), Selected(search, candidates=1), 502, seed=1), progress=False
            )
            return result.populations["test_scores"][0]

        best_of_n, evolved = found(RandomSearch(50)), found(EvolutionStrategy("sep_cma", 20, sigma=0.5))
        assert evolved[:4].mean() > best_of_n[:4].mean() and evolved[4] > best_of_n[4]

    def test_it_draws_itself(self):
        problem = DigitLatents()
        figure = problem.render(drawn(problem, 1)[0], 0)
        left, right = figure.axes
        assert left.images[0].get_array().shape == (8, 8) and len(right.patches) == 5
