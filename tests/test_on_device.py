"""Problems in torch: step by step the states of the compiled twins, whatever the chunk; a device that is full."""

import json
import pickle
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402

import qd  # noqa: E402
from qd.contracts import Request, Status  # noqa: E402
from qd.device import resolve_device  # noqa: E402
from qd.errors import QDError, StoppedError  # noqa: E402
from qd.evaluate.wire import pack_error, unpack_evaluation  # noqa: E402
from qd.problems import (  # noqa: E402
    CartPoleSwingUp,
    Curling,
    DeceptiveMaze,
    Decoded,
    HardMaze,
    OnDevice,
    Outcome,
    PlanarArm,
    RedundantArm,
    World,
)
from qd.problems.on_device import Rollout  # noqa: E402
from qd.problems.redundant_arm import START, illegal, points  # noqa: E402
from tests.command import call, folder, refused, summary  # noqa: E402, F401

pytestmark = pytest.mark.peer
WORLDS = {
    "hard maze": HardMaze(steps=70),
    "deceptive maze": DeceptiveMaze(steps=60),
    "planar arm": PlanarArm(joints=7),
    "redundant arm": RedundantArm(steps=40),
    "redundant arm, paid as released": RedundantArm(steps=60, faithful_reward=True),
    "cart-pole": CartPoleSwingUp(steps=60),
}


@pytest.fixture(params=WORLDS)
def problem(request):
    return WORLDS[request.param]


def sample(problem, n, seed=0):
    return np.asarray(problem.solution_space.sample(n, np.random.default_rng(seed)))


def evaluated(problem, solutions, *columns):
    return problem.evaluate(Request(solutions, columns=columns), np.zeros(len(solutions), np.uint64))


def states(problem, weights, read):
    """(steps, n, ...) what ``read`` takes of the state after every step in torch."""
    rollout = OnDevice(problem, device="cpu", chunk=len(weights)).rollout
    packed, state, memory = rollout.begin(torch.from_numpy(weights), torch.zeros(len(weights), dtype=torch.int64))
    kept = []
    for _ in range(problem.steps):
        state, memory = rollout.one_step(packed, state, memory)
        kept.append(read(state).numpy())
    return np.stack(kept)


# ---------------------------------------------------------------- the twins


def test_the_hard_maze_step_by_step():
    maze = HardMaze(steps=500)
    weights = sample(maze, 64)
    final, trace = maze.episodes(weights, np.arange(maze.steps))
    found = states(maze, weights, lambda s: torch.stack([s.x, s.y, s.heading, s.collisions], dim=1))
    assert np.array_equal(found[:, :, :3], trace.transpose(1, 0, 2))  # to the bit
    assert np.array_equal(found[-1, :, 3], final[:, 5]) and final[:, 5].max() > 0


def test_the_deceptive_maze_step_by_step():
    maze = DeceptiveMaze()
    weights = sample(maze, 64)
    final, trace = maze.episodes(weights, np.arange(maze.steps))
    found = states(maze, weights, lambda s: torch.stack([s.x, s.y, s.heading, s.blocked], dim=1))
    assert np.array_equal(found[:, :, :2], trace.transpose(1, 0, 2))
    assert np.array_equal(found[-1, :, 2:], final[:, 2:]) and final[:, 3].max() > 0


def test_the_cart_pole_step_by_step():
    cart = CartPoleSwingUp()
    weights = sample(cart, 64) * 0.3  # some stay on the track
    final, trace = cart.episodes(weights, np.arange(cart.steps))
    found = states(cart, weights, lambda s: torch.stack([*s[:4], s.paid, s.places, s.upright, s.on_track], dim=1))
    assert np.array_equal(found[:, :, :4], trace.transpose(1, 0, 2))
    assert np.array_equal(found[-1, :, 4:], final)
    assert 0 < final[:, 3].mean() < 1


def test_the_redundant_arm_step_by_step():
    """Where the joints are is added up in another order: the hand agrees to rounding, the rest exactly."""
    arm = RedundantArm()
    weights = sample(arm, 64)
    final, trace = arm.episodes(weights, np.arange(arm.steps))
    hand = states(arm, weights, lambda s: s.hand)
    assert np.abs(hand - trace.transpose(1, 0, 2)).max() < 1e-14
    found = states(arm, weights, lambda s: torch.cat([s.angles, s.begun[:, None], s.ended[:, None]], dim=1))[-1]
    assert np.array_equal(found, final[:, :22]) and len(set(final[:, 21])) > 1


def test_the_redundant_arm_obeys_every_rule_of_places():
    world = OnDevice(RedundantArm(), device="cpu").rollout.world
    angles = START + np.random.default_rng(0).normal(0, 0.1, (2000, 20))

    wanted = [bool(illegal(posture)) for posture in points(angles)]
    assert world._illegal(world._joints(torch.from_numpy(angles))).tolist() == wanted
    assert 0.1 < np.mean(wanted) < 0.9


def test_results_are_those_of_the_problem(problem):
    there = OnDevice(problem, device="cpu", chunk=32)
    solutions = sample(problem, 75, seed=1)
    columns = tuple(there.columns)
    wanted, found = evaluated(problem, solutions, *columns), evaluated(there, solutions, *columns)
    assert np.abs(found.objective - wanted.objective).max() < 1e-13
    assert np.abs(found.measures - wanted.measures).max() < 1e-13
    assert set(found.cost) == set(wanted.cost) and set(found.truth) == set(wanted.truth)
    for name in found.cost:
        assert np.array_equal(found.cost[name], wanted.cost[name])
    for name in found.truth:
        assert np.array_equal(found.truth[name], wanted.truth[name])
    assert set(found.columns) == set(columns)
    for name in columns:
        assert found.columns[name].dtype == wanted.columns[name].dtype
        assert np.abs(found.columns[name] * 1.0 - wanted.columns[name] * 1.0).max() < 1e-13
    assert there.measure_space is problem.measure_space or there.measure_space == problem.measure_space


def test_rewards_are_paid_in_torch_too():
    """Random robots find no area: the end of an episode is set by hand."""
    from qd.problems.hard_maze import reward

    maze = OnDevice(HardMaze(), device="cpu").rollout.world
    places = np.random.default_rng(0).uniform(0, 300, (500, 2))
    state = maze.first(torch.zeros(500, dtype=torch.int64))
    x, y = torch.from_numpy(places).T
    outcome = maze.outcome(state._replace(x=x, y=y))
    paid, area = reward(places)
    assert np.abs(outcome.objective.numpy() - paid).max() < 1e-14
    assert outcome.truth["reward_area"].tolist() == area.tolist() and set(area) == {-1, 0, 1}


def test_a_row_does_not_depend_on_the_chunk(problem):
    solutions = sample(problem, 7, seed=2)
    whole = evaluated(OnDevice(problem, device="cpu", chunk=16), solutions)
    for chunk in (1, 3):
        parts = evaluated(OnDevice(problem, device="cpu", chunk=chunk), solutions)
        assert np.array_equal(parts.objective, whole.objective)
        assert np.array_equal(parts.measures, whole.measures)


def test_qd_finds_nothing_wrong(problem):
    assert qd.check_problem(OnDevice(problem, device="cpu", chunk=16), n=8) == []


def test_weights_that_are_no_numbers_are_named(problem):
    solutions = sample(problem, 4)
    solutions[1, 0], solutions[2, -1] = np.nan, np.inf
    found = evaluated(OnDevice(problem, device="cpu", chunk=8), solutions)
    assert found.status.tolist() == [Status.OK, Status.INVALID, Status.INVALID, Status.OK]
    assert np.isnan(found.objective[1:3]).all() and np.isnan(found.measures[1:3]).all() and set(found.reasons) == {1, 2}
    good = evaluated(OnDevice(problem, device="cpu", chunk=8), solutions[[0, 3]])
    assert np.array_equal(found.objective[[0, 3]], good.objective)


def test_single_precision(problem):
    there = OnDevice(problem, device="cpu", chunk=32, dtype="float32")
    solutions = sample(problem, 32)
    found, wanted = evaluated(there, solutions), evaluated(problem, solutions)
    assert there.rollout.world.outcome(there.rollout.world.first(torch.zeros(2, dtype=torch.int64))).measures.dtype == (
        torch.float32
    )
    near = np.abs(found.measures - wanted.measures).max(axis=1) < 0.02
    assert near.mean() > 0.8  # a rounded place may be in the next pixel, and then the robot goes elsewhere


# ---------------------------------------------------------------- on the device


class Counting(TorchDispatchMode):
    """Counts torch's operators."""

    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        self.names.append(str(operator))
        return operator(*args, **(kwargs or {}))


def one_step(problem, rows, **fields):
    """A step's arguments, and the step."""
    rollout = OnDevice(problem, device="cpu", chunk=rows, **fields).rollout
    solutions = torch.from_numpy(sample(problem, rows)).to(rollout.dtype)
    return rollout, rollout.begin(solutions, torch.zeros(rows, dtype=torch.int64))


def test_the_operators_of_a_step_do_not_grow_with_the_population(problem):
    counts = {}
    for rows in (8, 512):
        rollout, arguments = one_step(problem, rows)
        with Counting() as counting:
            rollout.one_step(*arguments)
        counts[rows] = counting.names
        assert not any("_local_scalar_dense" in name or "item" in name for name in counting.names)  # nothing read back
    assert counts[8] == counts[512]
    assert len(counts[8]) < 400


@pytest.mark.parametrize("name", ["hard maze", "deceptive maze", "planar arm", "redundant arm", "cart-pole"])
def test_a_step_compiles_into_one_graph(name):
    problem = WORLDS[name]
    rollout, arguments = one_step(problem, 8)
    traced = torch.compile(rollout._one_step, fullgraph=True, dynamic=False, backend="eager")
    found, wanted = traced(*arguments)[0], rollout.one_step(*arguments)[0]
    assert all(torch.equal(a, b) for a, b in zip(found, wanted, strict=True))


def test_compile_is_handed_on():
    world = OnDevice(PlanarArm(3), device="cpu").rollout.world
    rollout = Rollout(world, "cpu", torch.float64, compiled="eager")
    assert rollout.one_step is not rollout._one_step
    solutions = sample(PlanarArm(3), 4)
    found = rollout.run(solutions, np.zeros(4, np.uint64), 4, np.zeros(0, np.int64), ())
    assert np.abs(found["objective"].numpy() - evaluated(PlanarArm(3), solutions).objective).max() < 1e-14


@dataclass(frozen=True)
class Drawn(qd.Problem):
    """A point that its seed puts somewhere, and its network moves once."""

    solution_space = qd.Box(-np.inf, np.inf, 4, init_sigma=1.0, dtype="float32")
    measure_space = qd.Measures(("x", "y"), (-9.0, -9.0), (9.0, 9.0))

    def evaluate(self, request, seeds):
        raise AssertionError("the world evaluates")

    def world(self, device, dtype):
        class There(World):
            steps, policy = 1, qd.policies.MLP((2, 2), "tanh", bias="none")

            def first(self, seeds):
                return (torch.stack([(seeds & 7).to(dtype), (seeds >> 3 & 7).to(dtype)], dim=1),)

            def observe(self, state):
                return state[0]

            def step(self, state, actions):
                return (state[0] + actions,)

            def outcome(self, state):
                return Outcome(state[0].sum(dim=1), state[0])

        return There()


def test_seeds_reach_the_world():
    there = OnDevice(Drawn(), device="cpu", chunk=4)
    seeds = np.array([2**64 - 1, 10], np.uint64)
    found = there.evaluate(Request(np.zeros((2, 4), np.float32)), seeds)
    assert found.measures.tolist() == [[7.0, 7.0], [2.0, 1.0]]
    assert not there.deterministic


def test_networks_that_remember():
    """A count of the steps so far, which only memory can hold: the world shows nothing."""

    class Blind(World):
        steps, policy = 3, qd.policies.Recurrent(1, 1, 1, cell="elman", output_activation="identity")

        def first(self, seeds):
            return (torch.zeros(len(seeds), 1, dtype=torch.float64), torch.zeros(len(seeds), 3, dtype=torch.float64))

        def observe(self, state):
            return state[0]

        def step(self, state, actions):
            return (state[0], torch.cat([state[1][:, 1:], actions], dim=1))

        def outcome(self, state):
            return Outcome(state[1].sum(dim=1), state[1])

    weights = np.array([[9.0, 0.5, 0.1, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0, 7.0]])  # x, h, bias; out, bias
    found = Rollout(Blind(), "cpu", torch.float64).run(
        weights, np.zeros(2, np.uint64), 2, np.zeros(0, np.int64), ()
    )["measures"].numpy()  # fmt: skip
    h1 = np.tanh(0.1)
    h2 = np.tanh(0.5 * h1 + 0.1)
    wanted = [[h1, h2, np.tanh(0.5 * h2 + 0.1)], [7.0, 7.0, 7.0]]
    assert np.abs(found - wanted).max() < 2e-4  # the rational tanh


def test_lineages_are_grown_for_it():
    plain, there = Decoded(HardMaze(steps=50)), Decoded(OnDevice(HardMaze(steps=50), device="cpu", chunk=8))
    lineages = plain.solution_space.sample(11, np.random.default_rng(0))
    wanted = plain.evaluate(Request(lineages), np.zeros(11, np.uint64))
    found = qd.evaluate_batch(there, Request(lineages))
    assert np.array_equal(found.measures, wanted.measures)


def test_it_goes_to_child_processes_without_its_tensors():
    there = OnDevice(HardMaze(steps=20), device="cpu", chunk=4)
    solutions = sample(there, 4)
    found = evaluated(there, solutions)
    again = pickle.loads(pickle.dumps(there))
    assert "rollout" not in vars(again) and np.array_equal(evaluated(again, solutions).measures, found.measures)


def test_it_draws_as_the_problem_does():
    there = OnDevice(PlanarArm(3), device="cpu")
    assert there.scene() == PlanarArm(3).scene()
    assert there.render(np.full(3, 0.5), 0).axes


def test_threads_are_as_before_afterwards():
    before = torch.get_num_threads()
    evaluated(OnDevice(PlanarArm(3), device="cpu", threads=before + 1), sample(PlanarArm(3), 2))
    assert torch.get_num_threads() == before


# ---------------------------------------------------------------- which device


@pytest.mark.parametrize(
    ("environment", "cards", "device"),
    [
        ({}, 0, "cpu"),
        ({}, 4, "cuda:0"),
        ({"PMI_RANK": "6", "MPI_LOCALRANKID": "2"}, 4, "cuda:2"),
        ({"OMPI_COMM_WORLD_RANK": "9", "OMPI_COMM_WORLD_LOCAL_RANK": "5"}, 4, "cuda:1"),
        ({"PMIX_RANK": "3", "SLURM_LOCALID": "1"}, 2, "cuda:1"),
        ({"PMI_RANK": "5"}, 4, "cuda:1"),  # a launcher that does not say: its rank must do
        ({"SLURM_LOCALID": "1"}, 2, "cuda:0"),  # a batch script's step without ranks
    ],
)
def test_auto_takes_a_card_a_rank_in_turn(monkeypatch, environment, cards, device):
    from qd import launcher

    for name in (*launcher._RANKS, *launcher._LOCAL_RANKS):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch, "cuda", SimpleNamespace(is_available=lambda: cards > 0, device_count=lambda: cards))
    assert resolve_device("auto") == device
    assert resolve_device("cpu") == "cpu"
    with pytest.raises(QDError, match=rf"here.device: got 'cuda:{cards}', but torch .* finds {cards} such devices"):
        resolve_device(f"cuda:{cards}", "here.device")
    if cards:
        assert resolve_device("cuda") == "cuda" and resolve_device("cuda:1") == "cuda:1"


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("problem", {"problem": 3}),
        ("problem: Curling has no method world", {"problem": Curling()}),
        ("device: got 'gpu'", {"device": "gpu"}),
        ("chunk: got 0", {"chunk": 0}),
        ("threads: got 0", {"threads": 0}),
        ("dtype: got 'float16'", {"dtype": "float16"}),
    ],
)
def test_bad_settings_are_named(field, fields):
    with pytest.raises(QDError, match=f"OnDevice.{field}"):
        OnDevice(**({"problem": PlanarArm(3)} | fields))


def test_a_device_that_is_not_there_is_met_before_any_work():
    count = torch.cuda.device_count()
    with pytest.raises(QDError, match=rf"OnDevice.device: got 'cuda:{count}', but torch"):
        OnDevice(PlanarArm(3), device=f"cuda:{count}").prepare()


# ---------------------------------------------------------------- a full device


FULL = '''"""An arm on a device that has room for some rows only."""
import torch

import qd
from qd.problems import {problem}
from qd.problems._planar_arm_torch import PlanarArmWorld


class Small(PlanarArmWorld):
    def first(self, seeds):
        if len(seeds) > {room}:
            raise {error}
        return super().first(seeds)


class Arm(PlanarArm):
    def world(self, device, dtype):
        return Small(self, device, dtype)


problem = {made}
experiment = qd.Experiment(problem, qd.algorithms.MapElites(batch_size=40), 400, seed=1, checkpoint_seconds=0)
'''


def write(file, room, error='torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")', decoded=False):
    made = 'OnDevice(Arm(4), device="cpu", chunk=32)'
    file.write_text(FULL.format(problem="OnDevice, PlanarArm", room=room, error=error, made=made))


@pytest.mark.parametrize(
    "error",
    [
        'torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")',
        'RuntimeError("[enforce fail] DefaultCPUAllocator: can\'t allocate memory: you tried to allocate 8 bytes")',
        "MemoryError()",
    ],
)
def test_a_full_device_stops_the_run_and_a_smaller_chunk_goes_on(call, folder, error):  # noqa: F811
    write(folder / "wide.py", 10**6)
    write(folder / "full.py", 16, error)
    assert call("run", "wide.py", "--out", "whole", "--quiet")[0] == 0
    code, _, err = call("run", "full.py", "--out", "run")
    assert code == 4
    assert "OnDevice.chunk: cpu has no room for 32 rows" in err and "--problem.chunk 16" in err
    assert json.loads((Path("run") / "config.json").read_text())["settings"]["problem"]["chunk"] == 32
    assert not (Path("run") / "failures.jsonl").read_text()  # no row is to blame
    assert call("resume", "run", "--quiet")[0] == 4
    assert call("resume", "run", "--problem.chunk", 16, "--quiet")[0] == 0
    config = json.loads((Path("run") / "config.json").read_text())
    assert config["settings"]["problem"]["chunk"] == 16
    assert config["source"]["overrides"][-1] == "problem.chunk=16"
    assert summary("run")["digest"] == summary("whole")["digest"]
    assert call("resume", "run", "--evaluations", 440, "--quiet")[0] == 0  # the new chunk is remembered


def test_other_errors_of_a_world_cost_their_rows(call, folder):  # noqa: F811
    write(folder / "full.py", 16, 'RuntimeError("shapes do not match")')
    assert call("run", "full.py", "--out", "run", "--quiet")[0] == 3
    assert summary("run")["statuses"]["failed"] == 400


def test_a_resumed_run_keeps_its_other_settings(call, refused, folder):  # noqa: F811
    write(folder / "wide.py", 10**6)
    assert call("run", "wide.py", "--out", "run", "--quiet")[0] == 0
    assert "a resumed run keeps its settings" in refused("resume", "run", "--problem.dtype", "float32")
    assert "a resumed run keeps its settings" in refused("resume", "run", "--problem.problem.joints", 5)


def test_the_command_chooses_the_device(call, refused, folder):  # noqa: F811
    write(folder / "wide.py", 10**6)
    assert call("run", "wide.py", "--out", "run", "--quiet", "--device", "auto")[0] == 0
    config = json.loads((Path("run") / "config.json").read_text())
    assert config["settings"]["problem"]["device"] == "auto"
    assert config["source"]["overrides"] == ["problem.device=auto"]
    assert "wanted 'cpu', 'cuda', 'cuda:N' or 'auto'" in refused("run", "wide.py", "--device", "gpu")
    count = torch.cuda.device_count()
    assert "--device: got" in refused("run", "wide.py", "--device", f"cuda:{count}")
    assert "has no device" in refused("run", "sphere.py", "--device", "cpu")
    text = (folder / "wide.py").read_text().replace("problem = OnDevice", "problem = qd.problems.Noisy(OnDevice")
    (folder / "noisy.py").write_text(text.replace("chunk=32)", "chunk=32))"))
    assert call("run", "noisy.py", "--out", "noisy", "--quiet", "--device", "auto")[0] == 0
    config = json.loads((Path("noisy") / "config.json").read_text())
    assert config["settings"]["problem"]["problem"]["device"] == "auto"


def test_ranks_and_children_send_the_word_on():
    with pytest.raises(StoppedError, match="full"):
        unpack_evaluation(pack_error(StoppedError("full")))
    with pytest.raises(qd.errors.ProblemError, match="wrong"):
        unpack_evaluation(pack_error(qd.errors.ProblemError("wrong")))
