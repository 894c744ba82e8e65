"""Atari games: preprocessing against Pillow, episodes against a plain loop, accounting, bad input."""

import sys

import numpy as np
import pytest

import qd
from qd.errors import QDError
from qd.problems import Atari, _atari_game, _atari_kernel
from qd.rng import row_generator

pytestmark = pytest.mark.thorough

ale_py = pytest.importorskip("ale_py")
GREY = np.array([0.299, 0.587, 0.114])


def networks(problem, n, seed=0, scale=1.0):
    sigma = scale * problem.policy.initial_sigma()
    return (np.random.default_rng(seed).normal(size=(n, len(sigma))) * sigma).astype(np.float32)


def small(first, second):
    """The larger of two pictures in colour, grey, by Pillow."""
    from PIL import Image

    grey = (np.maximum(first, second).astype(np.float64) @ GREY).astype(np.float32)
    return np.asarray(Image.fromarray(grey).resize((84, 84), Image.Resampling.BILINEAR)) / 255


def plain_episode(problem, weights, seed, decisions):
    """One episode step by step, on an emulator of its own."""
    ale = ale_py.ALEInterface()
    ale.setInt("random_seed", 1)
    ale.setFloat("repeat_action_probability", 0.0)
    ale.loadROM(ale_py.roms.get_rom_path(problem.game))
    ale.reset_game()
    actions = ale.getMinimalActionSet()
    for _ in range(int(row_generator(seed).integers(1, 31))):
        ale.act(ale_py.Action.NOOP)
    if actions[1] == ale_py.Action.FIRE:
        for action in (actions[1],) * 4 + (actions[2],) * 4:
            ale.act(action)
    screen = ale.getScreenRGB()
    seen, score = [np.zeros((84, 84))] * 3 + [small(screen, screen)], 0.0
    for _ in range(decisions):
        action = actions[int(problem.policy.forward(weights[None], np.array(seen)[None])[0].argmax())]
        screens = []
        for _ in range(4):
            score += ale.act(action)
            screens.append(ale.getScreenRGB())
        seen = [*seen[1:], small(*screens[2:])]
    return score, seen, np.array(ale.getRAM())


def test_a_screen_is_shrunk_as_pillow_does():
    game = _atari_game.Game("frostbite", False)
    game.reset(row_generator(5))
    for decision in range(30):
        game.decide(decision % 18)
    before = game.ale.cloneState(include_rng=True)
    screens = []
    for _ in range(4):
        game.ale.act(game.actions[5])
        screens.append(game.picture())
    game.ale.restoreState(before)
    game.decide(5)
    assert (screens[2] != screens[3]).any()  # both count
    np.testing.assert_allclose(game.seen[-1], small(screens[2], screens[3]), atol=1e-6)


@pytest.mark.parametrize("size", [160, 210])
def test_a_triangle_filter_keeps_a_flat_picture_and_covers_every_pixel(size):
    first, share = _atari_kernel.taps(size, 84)
    np.testing.assert_allclose(share.sum(axis=1), 1.0, rtol=1e-6)
    total = np.zeros(size)
    for low, part in zip(first, share, strict=True):
        stop = min(low + len(part), size)
        total[low:stop] += part[: stop - low]
    np.testing.assert_allclose(total[3:-3], 84 / size, rtol=0.05)


@pytest.mark.thorough
@pytest.mark.parametrize("game", ["frostbite", "skiing"])
def test_an_episode_agrees_with_a_plain_loop(game):
    problem = Atari(game, network="tiny", max_decisions=60)
    weights = networks(problem, 1)[0]
    evaluation = problem.evaluate(qd.Request(weights[None], columns=("ram",)), np.array([7], np.uint64))
    score, _, ram = plain_episode(problem, weights, 7, 60)
    assert evaluation.cost["decisions"][0] == 60
    assert evaluation.objective[0] == score
    np.testing.assert_array_equal(evaluation.columns["ram"][0], ram)


def test_a_game_goes_on_over_lost_lives_and_scores_are_not_clipped():
    problem = Atari("frostbite", network="tiny")
    evaluation = problem.evaluate(qd.Request(networks(problem, 2, seed=0)), np.arange(2, dtype=np.uint64))
    assert (evaluation.cost["decisions"] > 100).all()  # four lives
    assert (evaluation.cost["decisions"] < 5000).all()
    assert evaluation.objective.max() >= 10
    np.testing.assert_array_equal(evaluation.cost["frames"], 4 * evaluation.cost["decisions"])


def test_a_row_depends_on_its_seed_alone():
    problem = Atari("skiing", network="tiny", max_decisions=40)
    weights = networks(problem, 2)
    seeds = np.array([3, 4], np.uint64)
    together = problem.evaluate(qd.Request(weights, columns=("ram",)), seeds)
    alone = problem.evaluate(qd.Request(weights[1:], columns=("ram",)), seeds[1:])
    np.testing.assert_array_equal(together.columns["ram"][1], alone.columns["ram"][0])
    starts = [problem.evaluate(qd.Request(weights[:1], columns=("ram",)), np.array([s], np.uint64)) for s in range(4)]
    assert len({start.columns["ram"].tobytes() for start in starts}) > 1  # other no-ops


def test_what_the_network_sees_at_the_start():
    game, repeating = (_atari_game.Game("skiing", repeat) for repeat in (False, True))
    game.reset(row_generator(1))
    repeating.reset(row_generator(1))
    assert not game.seen[:3].any()
    assert game.seen[3].any()
    np.testing.assert_array_equal(repeating.seen, np.repeat(game.seen[3:], 4, axis=0))
    before = game.seen[3].copy()
    game.decide(1)
    np.testing.assert_array_equal(game.seen[2], before)


def test_an_emulator_that_raises_costs_its_row_alone(monkeypatch):
    problem = Atari("skiing", network="tiny", max_decisions=5)
    weights = networks(problem, 3)
    good = problem.evaluate(qd.Request(weights), np.arange(3, dtype=np.uint64))
    decide, calls = _atari_game.Game.decide, [0]

    def breaking(self, action):
        calls[0] += 1
        if calls[0] == 8:
            raise RuntimeError("the machine is on fire")
        return decide(self, action)

    monkeypatch.setattr(_atari_game.Game, "decide", breaking)
    evaluation = problem.evaluate(qd.Request(weights), np.arange(3, dtype=np.uint64))
    assert evaluation.status.tolist() == [qd.Status.OK, qd.Status.FAILED, qd.Status.OK]
    assert "on fire" in evaluation.reasons[1]
    assert np.isnan(evaluation.objective[1])
    assert evaluation.cost["decisions"].tolist() == [5.0, 2.0, 5.0]  # what the lost one played counts
    np.testing.assert_array_equal(evaluation.objective[[0, 2]], good.objective[[0, 2]])


@pytest.mark.parametrize("game", ["carnival", "pacman", "backgammon"])
def test_games_of_other_screens_and_actions_are_played(game):
    """214 and 250 rows; no NOOP among the actions."""
    problem = Atari(game, network="tiny", max_decisions=2)
    evaluation = problem.evaluate(qd.Request(networks(problem, 1)), np.zeros(1, np.uint64))
    assert evaluation.ok.all(), evaluation.reasons
    assert 0 < problem.idle[0].seen[-1].mean() < 1


def test_broken_weights_are_named():
    problem = Atari("skiing", network="tiny", max_decisions=3)
    weights = networks(problem, 2)
    weights[0, 0], weights[1] = np.nan, 3e38
    with np.errstate(over="ignore", invalid="ignore"):
        evaluation = problem.evaluate(qd.Request(weights), np.zeros(2, np.uint64))
    assert evaluation.status.tolist() == [qd.Status.INVALID, qd.Status.FAILED]
    assert "the network gave" in evaluation.reasons[1]


@pytest.mark.thorough
def test_training_and_validation_count_as_frames():
    problem = qd.problems.Decoded(Atari("skiing", network="tiny", max_decisions=20))
    search = qd.algorithms.DeepGA(population_size=4, parents=2, validated=2, validation_episodes=3)
    result = qd.run(qd.Experiment(problem, search, {"frames": 1600}))
    rows = result.metrics
    assert set(rows["purpose"]) == {"search", "validate"}
    assert result.summary["cost"] == {"decisions": 400.0, "frames": 1600.0}  # 2 generations of 4 + 2 x 3 episodes
    assert result.summary["evaluations"] == 4 + 6 + 4 + 6


def test_the_contract_of_problems_is_kept():
    qd.check_problem(Atari("skiing", network="tiny", max_decisions=3))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"game": "frostbit"}, "Atari.game: got 'frostbit', did you mean 'frostbite'"),
        ({"game": "combat"}, "Atari.game: 'combat' needs two players"),
        ({"network": "big"}, "Atari.network"),
        ({"max_decisions": 0}, "Atari.max_decisions"),
        ({"first_screen": "white"}, "Atari.first_screen"),
    ],
)
def test_bad_settings_are_named(settings, message):
    with pytest.raises(QDError, match=message):
        Atari(**settings)


def test_without_the_emulator_the_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ale_py", None)
    _atari_game.emulator.cache_clear()
    try:
        with pytest.raises(QDError, match=r"pip install 'qd-evolution\[atari\]'"):
            Atari("skiing")
    finally:
        _atari_game.emulator.cache_clear()


@pytest.mark.drawing
def test_the_picture_shows_screens_and_the_score():
    problem = Atari("skiing", network="tiny", max_decisions=10)
    figure = problem.render(networks(problem, 1)[0], 0)
    assert len(figure.axes) == 9
    assert "in 10 decisions" in figure.get_suptitle()
