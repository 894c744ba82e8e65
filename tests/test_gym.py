"""Networks in gymnasium environments: a plain loop beside them, neighbours, failures, measures, and the door."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

import qd
from qd.errors import QDError
from qd.evaluate.guard import guarded
from qd.evaluate.local import LocalEvaluator
from qd.policies import MLP
from qd.problems import step_measures
from qd.problems.gym import Gym
from qd.problems.step_measures import StepMeasure, final_observation, foot_contact, register_measure
from qd.rng import derived_seeds, row_seeds

pytestmark = pytest.mark.peer

gymnasium = pytest.importorskip("gymnasium")
spaces = gymnasium.spaces


class Line(gymnasium.Env):
    """A point that moves by its actions. Weights and options make it fail in every way."""

    made = 0
    seen = []

    def __init__(self, fail="", at=3, observation_space=None, action_space=None, carry=False, length=6):
        Line.made += 1
        self.fail, self.at, self.carry, self.length = fail, at, carry, length
        self.observation_space = observation_space or spaces.Box(-np.inf, np.inf, (2,))
        self.action_space = action_space or spaces.Box(-2.0, 3.0, (1,))
        self.x = 0.0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        start = self.np_random.normal()
        if self.fail == "reset" and start > 0:
            raise RuntimeError("no ground to stand on")
        self.x, self.t = (self.x if self.carry else 0.0) + start, 0
        self.start = start
        return self.observation, {}

    @property
    def observation(self):
        return np.array([self.x, self.t], np.float32)

    def step(self, action):
        Line.seen.append(action)
        self.t += 1
        self.x += float(np.ravel(action)[0])
        bad = self.start > 0 and self.t == self.at  # about half the rows
        if bad and self.fail == "step":
            raise RuntimeError("fell through the floor")
        observation = self.observation
        if bad and self.fail in ("nan", "inf"):
            observation[1] = float(self.fail)
        reward = float("nan") if bad and self.fail == "reward" else self.x
        over = self.t >= self.length or (bad and self.fail in ("nan", "inf") and self.at == 6)
        return observation, reward, over, False, {}


@pytest.fixture(scope="module", autouse=True)
def _registered():
    gymnasium.register("QDLine-v3", Line, max_episode_steps=50)
    gymnasium.register("QDEndless-v0", Line)
    yield
    for name in ("QDLine-v3", "QDEndless-v0"):
        del gymnasium.registry[name]


def line(fail="", **settings):
    options = {"fail": fail, **settings.pop("options", {})}
    return Gym("QDLine-v3", **{"measures": None, "hidden": (3,), "options": options, **settings})


def batch(problem, n, seed=0):
    solutions = problem.solution_space.sample(n, qd.rng.generator(seed, "test"))
    return solutions, row_seeds(seed, np.arange(n, dtype=np.uint64))


def evaluate(problem, solutions, seeds, **request):
    return guarded(problem, qd.Request(solutions, number=1, **request), seeds)


def plain_loop(name, network, weights, seed, limit):
    """What anyone would write: gymnasium as it comes, one observation at a time."""
    env = gymnasium.make(name)
    observation, _ = env.reset(seed=int(seed) >> 33)
    total, seen = 0.0, [observation]
    for _ in range(limit):
        out = network.forward(weights[None], np.asarray(observation, float)[None], "numba")[0]
        if isinstance(env.action_space, spaces.Discrete):
            action = int(out.argmax())
        else:
            low, high = env.action_space.low.astype(float), env.action_space.high.astype(float)
            action = (low + (out + 1) / 2 * (high - low)).astype(env.action_space.dtype)
        observation, reward, terminated, truncated, _ = env.step(action)
        total += float(reward)
        seen.append(observation)
        if terminated or truncated:
            break
    return total, np.array(seen[:-1], float), seen[-1]


# ---------------------------------------------------------------- results


@pytest.mark.parametrize(
    ("name", "limit", "n"), [("CartPole-v1", 500, 12), ("Pendulum-v1", 30, 5), ("Walker2d-v5", 40, 4)]
)
def test_returns_are_those_of_a_plain_loop(name, limit, n):
    problem = Gym(name, measures=None, hidden=(8, 8), max_steps=limit, init_sigma=0.6)
    solutions, seeds = batch(problem, n)
    result = evaluate(problem, solutions, seeds, columns=("steps",))
    plain = [plain_loop(name, problem.network, w, seed, limit) for w, seed in zip(solutions, seeds, strict=True)]
    np.testing.assert_allclose(result.objective, [total for total, _, _ in plain], rtol=1e-12)
    assert result.columns["steps"].tolist() == [len(seen) for _, seen, _ in plain]
    assert (result.cost["steps"] == result.columns["steps"]).all()
    assert len(set(result.objective)) > 1  # the rows do differ


@pytest.mark.parametrize("side_by_side", [1, 2, 5, 64])
def test_rows_do_not_depend_on_their_neighbours(side_by_side):
    one = Gym("CartPole-v1", measures="mean_action", hidden=(4,), side_by_side=7)
    solutions, seeds = batch(one, 23)
    columns = ("observation_count", "observation_mean", "observation_squares")
    whole = evaluate(one, solutions, seeds, columns=columns)
    other = Gym("CartPole-v1", measures="mean_action", hidden=(4,), side_by_side=side_by_side)
    order = np.random.default_rng(side_by_side).permutation(23)
    cuts = [order[:1], order[1:9], order[9:]]
    parts = [evaluate(other, solutions[cut], seeds[cut], columns=columns) for cut in cuts]
    assert (np.concatenate([p.objective for p in parts]) == whole.objective[order]).all()
    assert (np.concatenate([p.measures for p in parts]) == whole.measures[order]).all()
    for column in columns:
        assert (np.concatenate([p.columns[column] for p in parts]) == whole.columns[column][order]).all()
    assert len(set(whole.objective)) > 5


def test_nothing_is_wrong_with_the_problems():
    assert qd.check_problem(Gym("CartPole-v1", measures="mean_action", hidden=(4,)), n=8) == []
    assert qd.check_problem(line(), n=8) == []
    assert qd.check_problem(Gym("FrozenLake-v1", measures=None, hidden=(4,)), n=8) == []  # choices as observations


def test_an_environment_that_carries_state_is_told_of_and_can_be_made_anew():
    assert qd.check_problem(line(options={"carry": True}), n=8)  # rows are found to depend on each other
    assert qd.check_problem(line(options={"carry": True}, reuse=False), n=8) == []


def test_environments_are_kept():
    problem = line(side_by_side=4)
    evaluate(problem, *batch(problem, 10))
    made = Line.made
    evaluate(problem, *batch(problem, 10, seed=1))
    assert Line.made == made
    assert len(problem.idle) == 4


def test_seeds_make_the_episodes():
    problem = line()
    solutions, seeds = batch(problem, 2)
    same = np.repeat(solutions[:1], 3, axis=0)
    result = evaluate(problem, same, np.array([seeds[0], seeds[1], seeds[0]]))
    assert result.objective[0] == result.objective[2] != result.objective[1]


def test_repeats_are_episodes_and_are_paid_for():
    problem = line()
    solutions, seeds = batch(problem, 3)
    result = LocalEvaluator(problem).evaluate(qd.Request(solutions, fidelity={"repeats": 4}), seeds)
    assert result.cost["steps"].tolist() == [24.0] * 3
    episodes = [evaluate(problem, solutions, derived_seeds(seeds, k)).objective for k in range(4)]
    np.testing.assert_allclose(result.objective, np.mean(episodes, axis=0))


def test_actions_fill_the_box():
    """One bias-only network a sign: tanh units at -1, 0 and 1 are the low end, the middle and the high end."""
    problem = line(policy=lambda inputs, outputs: MLP((inputs, outputs), "identity"))
    assert problem.solution_space.length == 3
    weights = np.array([[0, 0, -5.0], [0, 0, 0.0], [0, 0, 0.5], [0, 0, 5.0]])
    Line.seen.clear()
    problem = line(policy=lambda inputs, outputs: MLP((inputs, outputs), "identity"), side_by_side=1)
    evaluate(problem, weights, batch(problem, 4)[1])
    first = [float(action[0]) for action in Line.seen[::6]]
    assert first == [-2.0, 0.5, 1.75, 3.0]
    assert all(action.dtype == np.float32 and action.shape == (1,) for action in Line.seen)


def test_choices_begin_where_the_space_says():
    problem = line(options={"action_space": spaces.Discrete(3, start=5)}, hidden=())
    weights = np.zeros((3, problem.solution_space.length))
    weights[[0, 1, 2], [-3, -2, -1]] = 1.0  # one bias each
    Line.seen.clear()
    evaluate(line(options={"action_space": spaces.Discrete(3, start=5)}, hidden=(), side_by_side=1), weights,
             batch(problem, 3)[1])  # fmt: skip
    assert [int(a) for a in Line.seen[::6]] == [5, 6, 7]


class Torchlike:
    """A policy that is not an MLP of ours."""

    def __init__(self, inputs, outputs, scale=1.0):
        self.length, self.scale = inputs * outputs, scale

    def forward(self, weights, observations):
        return self.scale * np.tanh((weights[:, :2] * observations).sum(axis=1, keepdims=True))


def test_other_policies():
    problem = line(policy=Torchlike)
    assert problem.solution_space.length == 2
    assert evaluate(problem, *batch(problem, 5)).ok.all()
    broken = line(policy=lambda inputs, outputs: Torchlike(inputs, outputs, np.nan))
    result = evaluate(broken, *batch(broken, 2))
    assert "the policy gave [nan] after 0 steps" in result.reasons[0]


# ---------------------------------------------------------------- failures


@pytest.mark.parametrize(
    ("fail", "at", "reason"),
    [
        ("reset", 0, "no ground to stand on"),
        ("step", 3, "fell through the floor"),
        ("inf", 3, "observation[1] is inf after 3 steps"),
        ("nan", 6, "observation[1] is nan after 6 steps"),  # the last one, which no network sees
        ("reward", 3, "not finite: objective nan"),
    ],
)
@pytest.mark.parametrize("side_by_side", [1, 4])
def test_a_failure_costs_one_row(fail, at, reason, side_by_side):
    broken, sound = line(fail, options={"at": at}, side_by_side=side_by_side), line()
    solutions, seeds = batch(sound, 16)
    starts = np.array([np.random.Generator(gymnasium.utils.seeding.np_random(int(s) >> 33)[0].bit_generator).normal()
                       for s in seeds])  # fmt: skip
    result, good = evaluate(broken, solutions, seeds), evaluate(sound, solutions, seeds)
    assert good.ok.all()
    assert 3 < (starts > 0).sum() < 13
    assert (result.status == np.where(starts > 0, qd.Status.FAILED, qd.Status.OK)).all()
    assert (result.objective[starts <= 0] == good.objective[starts <= 0]).all()
    assert np.isnan(result.objective[starts > 0]).all()
    assert all(reason in result.reasons[row] for row in np.flatnonzero(starts > 0))
    made = Line.made
    again = evaluate(broken, solutions, seeds)
    assert (again.status == result.status).all()
    raised = (
        int((starts > 0).sum()) if fail in ("reset", "step") else 0
    )  # environments that raise are not trusted again
    assert raised - side_by_side <= Line.made - made <= raised + side_by_side
    assert (Line.made == made) == (raised == 0)


def test_a_run_goes_on_past_failures():
    problem = line("step", measures=final_observation(low=(-9.0,), high=(9.0,), numbers=(0,)), dims=(10,))
    result = qd.run(qd.Experiment(problem, qd.algorithms.MapElites(batch_size=8), 32))
    assert 0 < result.summary["failed"] < 32
    assert result.summary["statuses"]["ok"] + result.summary["failed"] == 32


# ---------------------------------------------------------------- measures


def test_measures_of_steps():
    """x - 50 after each of 6 steps, by hand: mean, sum, largest and last; all are below 0, where sums begin."""

    def probe(env):
        return lambda observation, action: [env.unwrapped.x - 50]

    shown = {}
    for reduce in ("mean", "sum", "max", "last"):
        measure = StepMeasure(lambda env: qd.Measures(("x",), (-999.0,), (99.0,)), probe, reduce)
        problem = line(measures=measure)
        solutions, seeds = batch(problem, 4)
        shown[reduce] = evaluate(problem, solutions, seeds).measures[:, 0]
    for row in range(4):
        problem = line(side_by_side=1)
        env = problem.idle[0].env
        positions, step = [], env.unwrapped.step

        def kept(action, step=step, env=env, positions=positions):
            out = step(action)
            positions.append(env.unwrapped.x - 50)
            return out

        env.unwrapped.step = kept
        evaluate(problem, solutions[row : row + 1], seeds[row : row + 1])
        assert len(positions) == 6
        assert shown["mean"][row] == pytest.approx(np.mean(positions))
        assert shown["sum"][row] == pytest.approx(np.sum(positions))
        assert shown["max"][row] == np.max(positions)
        assert shown["last"][row] == positions[-1]


def test_measures_are_cut_to_their_bounds():
    problem = line(measures=final_observation(low=(-0.1, 0.0), high=(0.1, 4.0)), dims=(5, 5))
    result = evaluate(problem, *batch(problem, 6))
    assert result.ok.all()
    assert (result.measures[:, 1] == 4.0).all()  # 6 steps
    assert set(result.measures[:, 0]) <= {-0.1, 0.1}
    assert problem.measure_space.dims == (5, 5)
    replaced = line(measures=final_observation(low=(-1.0, 0.0), high=(1.0, 4.0)), measure_high=(1.0, 8.0))
    assert (evaluate(replaced, *batch(replaced, 2)).measures[:, 1] == 6.0).all()


def test_actions_as_measures():
    problem = Gym("CartPole-v1", measures="mean_action", hidden=(4,))
    result = evaluate(problem, *batch(problem, 5))
    np.testing.assert_allclose(result.measures.sum(axis=1), 1.0)
    weights = np.array([[0, 0, -5.0], [0, 0, 0.5]])  # outputs -1 and 0.5 at all times
    linear = {"policy": lambda inputs, outputs: MLP((inputs, outputs), "identity")}
    for name, expected in (("mean_action", [-1.0, 0.5]), ("energy", [1.0, 0.25])):
        problem = line(measures=name, **linear)
        np.testing.assert_allclose(evaluate(problem, weights, batch(problem, 2)[1]).measures[:, 0], expected, atol=1e-6)


@pytest.mark.parametrize("name", sorted(step_measures.FEET))
def test_feet_that_touch_the_ground(name):
    """A body lifted by 1 m touches nothing; on its way down each foot is seen when MuJoCo has it touch the floor."""
    import mujoco

    env = gymnasium.make(f"{name}-v5").unwrapped
    measure = foot_contact()
    k = len(step_measures.FEET[name])
    assert measure.space(env).size == k
    read = measure.probe(env)
    env.reset(seed=0)
    height = 2 if name in ("Ant", "Humanoid") else 1  # of the root in qpos
    env.data.qpos[height] += 1.0
    mujoco.mj_forward(env.model, env.data)
    assert list(read(None, None)) == [0.0] * k
    seen = set()
    for _ in range(400):
        mujoco.mj_step(env.model, env.data)
        touching = read(None, None)
        pairs = env.data.contact.geom.tolist()
        on_floor = {env.model.geom(a or b).name for a, b in pairs if a == 0 or b == 0}  # geom 0 is the floor
        assert touching == [float(foot in on_floor) for foot in step_measures.FEET[name]]
        seen |= on_floor & set(step_measures.FEET[name])
    assert seen  # some foot did touch


TABLE = """
<mujoco>
  <worldbody>
    <body name="hat" pos="1 0 {hat}"><freejoint/><geom name="hat_ball" size=".1"/></body>
    <body name="left" pos="0 0 {left}"><freejoint/><geom name="left_ball" size=".1"/></body>
    <body name="right" pos="1 0 {right}"><freejoint/><geom name="right_ball" size=".1"/></body>
    <geom name="table" type="box" size="3 3 .5"/>
  </worldbody>
</mujoco>
"""


@pytest.mark.parametrize(
    ("left", "right", "hat", "touching"),
    [
        (0.7, 0.7, 2.0, [0, 0]),
        (0.59, 0.7, 2.0, [1, 0]),
        (0.7, 0.59, 2.0, [0, 1]),
        (0.59, 0.59, 2.0, [1, 1]),
        (0.7, 0.7, 0.85, [0, 0]),  # a ball on a ball does not stand on the ground
    ],
)
def test_contacts_by_hand(left, right, hat, touching):
    """Balls of radius 0.1 on a table whose top is at 0.5; the table comes last, so that it is second in a pair."""
    import mujoco

    model = mujoco.MjModel.from_xml_string(TABLE.format(left=left, right=right, hat=hat))
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    env = SimpleNamespace(model=model, data=data, spec=None)
    env.unwrapped = env
    measure = foot_contact("left_ball", "right_ball")
    assert measure.space(env).names == ("left_ball contact", "right_ball contact")
    assert measure.probe(env)(None, None) == touching


def test_contact_shares_of_a_walker():
    """Counted by hand, from the distance of each contact, over the same episodes."""
    problem = Gym("Walker2d-v5", hidden=(4,), max_steps=40, init_sigma=1.0)
    assert problem.measure_space.names == ("foot_geom contact", "foot_left_geom contact")
    solutions, seeds = batch(problem, 5)
    result = evaluate(problem, solutions, seeds)
    env = gymnasium.make("Walker2d-v5")
    feet = [env.unwrapped.model.geom(name).id for name in ("foot_geom", "foot_left_geom")]
    floor = env.unwrapped.model.geom("floor").id
    for row in range(5):
        observation, _ = env.reset(seed=int(seeds[row]) >> 33)
        counts, steps, over = np.zeros(2), 0, False
        while not over and steps < 40:
            out = problem.network.forward(solutions[row : row + 1], observation[None], "numba")[0]
            observation, _, over, _, _ = env.step(out.astype(np.float32))
            steps += 1
            touching = [{contact.geom1, contact.geom2} for contact in env.unwrapped.data.contact]
            counts += [{floor, foot} in touching for foot in feet]
        assert result.measures[row].tolist() == (counts / steps).tolist()
    assert result.measures.min() > 0 or result.measures.max() < 1
    assert len(np.unique(result.measures)) > 4


def test_positions_of_an_ant():
    problem = Gym("Ant-v5", measures="position", hidden=(4,), max_steps=5)
    assert problem.measure_space.size == 2
    result = evaluate(problem, *batch(problem, 2))
    assert (np.abs(result.measures) < 1).all()
    assert len(np.unique(result.measures)) == 4


def test_named_measures():
    measure = StepMeasure(
        lambda env: qd.Measures(("x",), (0.0,), (1.0,)), lambda env: lambda observation, action: [0.5]
    )
    register_measure("half", measure)
    try:
        assert evaluate(line(measures="half"), *batch(line(), 2)).measures.tolist() == [[0.5], [0.5]]
        with pytest.raises(QDError, match="'half' is taken"):
            register_measure("half", measure)
    finally:
        del step_measures.MEASURES["half"]


# ---------------------------------------------------------------- the door


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"id": "CartPale-v1"}, "no environment 'CartPale-v1', did you mean 'CartPole-v1'"),
        ({"id": "QDLine-v7"}, "did you mean 'QDLine-v3'"),
        ({"id": "dm_control/acrobot-swingup-v0"}, r"pip install 'shimmy\[dm-control\]'"),
        ({"id": "QDEndless-v0"}, "max_steps: 'QDEndless-v0' sets no limit"),
        ({"options": {"legs": 9}}, "cannot be made with options {'legs': 9}"),
        ({"options": {"observation_space": spaces.Dict({"x": spaces.Discrete(2)})}}, "Dict are not supported"),
        ({"options": {"observation_space": spaces.Tuple([spaces.Discrete(2)])}}, "wrap=gymnasium.wrappers.Flatten"),
        ({"options": {"observation_space": spaces.Box(0, 255, (8, 8, 3), np.uint8)}}, r"images \(8, 8, 3\)"),
        ({"options": {"action_space": spaces.MultiBinary(3)}}, "actions in MultiBinary are not supported"),
        ({"options": {"action_space": spaces.Box(-np.inf, 1, (2,))}}, "action box is unbounded"),
        ({"measures": "foot"}, "Gym.measures: got 'foot', did you mean 'foot_contact'"),
        ({"measures": "foot_contact"}, "knows the feet of Ant, HalfCheetah"),
        ({"measures": "position"}, "reads MuJoCo's coordinates"),
        ({"measures": "final_observation"}, "unbounded; give bounds"),
        ({"measures": final_observation(numbers=(2,))}, "observations have 2 numbers"),
        ({"measures": final_observation((0, 0), (1, 1)), "measure_low": (0,)}, "Measures.low: got 1 numbers for 2"),
        ({"max_steps": -1}, "Gym.max_steps: got -1"),
        ({"side_by_side": 0}, "Gym.side_by_side: got 0"),
        ({"init_sigma": 0.0}, "Gym.init_sigma: got 0.0"),
        ({"activation": "tann"}, "did you mean 'tanh'"),
    ],
)
def test_bad_settings_fail_at_the_door(settings, message):
    with pytest.raises(QDError, match=message):
        Gym(**{"id": "QDLine-v3", "measures": None, **settings})


def test_feet_that_do_not_exist():
    with pytest.raises(QDError, match="there is no geom 'foot_gem', did you mean 'foot_geom'"):
        Gym("Walker2d-v5", measures=foot_contact("foot_gem"))


def test_a_missing_extra_names_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "Box2D", None)
    for name in [name for name in sys.modules if name.startswith("gymnasium.envs.box2d")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(QDError, match=r"pip install 'gymnasium\[box2d\]'"):
        Gym("LunarLander-v3", measures=None)
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    with pytest.raises(QDError, match=r"pip install 'qd-evolution\[gym\]'"):
        Gym("CartPole-v1", measures=None)


def test_a_wrapper_makes_spaces_fit():
    flat = gymnasium.wrappers.FlattenObservation
    problem = Gym("Blackjack-v1", measures=None, hidden=(4,), max_steps=30, wrap=flat)
    assert problem.encoding[0] == 32 + 11 + 2
    assert evaluate(problem, *batch(problem, 5)).ok.all()


def test_the_mend_of_unbounded_actions_mends_them():
    def bounded(env):
        return gymnasium.wrappers.TransformAction(env, lambda action: action, spaces.Box(-1, 1, (1,)))

    problem = line(options={"action_space": spaces.Box(-np.inf, np.inf, (1,))}, wrap=bounded)
    assert evaluate(problem, *batch(problem, 3)).ok.all()


def test_it_travels_to_child_processes():
    import pickle

    import cloudpickle

    problem = line(measures=final_observation(low=(-9.0,), high=(9.0,), numbers=(0,)))
    problem.prepare()
    there = pickle.loads(cloudpickle.dumps(problem))
    solutions, seeds = batch(problem, 4)
    assert (evaluate(there, solutions, seeds).measures == evaluate(problem, solutions, seeds).measures).all()


# ---------------------------------------------------------------- pictures


def texts(figure):
    found = [figure.get_suptitle()]
    for axes in figure.axes:
        found += [axes.get_title(), axes.get_xlabel()]
    return "\n".join(found)


def test_a_strip_of_frames():
    problem = Gym("CartPole-v1", measures=None, hidden=(4,))
    solutions, seeds = batch(problem, 1)
    result = evaluate(problem, solutions, seeds)
    kept = problem.idle[0].env
    figure = problem.render(solutions[0], int(seeds[0]))
    assert [lane.env for lane in problem.idle] == [kept]  # the environment that was drawn is not among those kept
    steps = int(result.cost["steps"][0])
    assert f"sum of rewards {result.objective[0]:.4g}, {steps} steps" in texts(figure)
    images = [axes.images[0].get_array() for axes in figure.axes]
    assert len(images) == min(8, steps + 1)
    assert (images[0] != images[-1]).any()
    assert f"step {steps}" in texts(figure)


def test_a_picture_where_nothing_can_be_drawn():
    problem = line()
    solutions, seeds = batch(problem, 1)
    figure = problem.render(solutions[0], int(seeds[0]))
    assert "no frames: " in texts(figure) and "6 steps" in texts(figure)
    assert len(figure.axes[0].lines) == 2  # both numbers of the observation, over 7 moments
    assert figure.axes[0].lines[1].get_ydata().tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert evaluate(problem, solutions, seeds).ok.all()
