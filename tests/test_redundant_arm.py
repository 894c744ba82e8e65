"""The redundant arm against a plain twin and hand-worked cases."""

import subprocess
import sys

import numpy as np
import pytest

import qd
from qd.contracts import Request, Status
from qd.errors import QDError
from qd.policies._mlp_kernel import rational_tanh
from qd.problems import RedundantArm
from qd.problems.redundant_arm import AREAS, JOINTS, START, illegal, points, reward
from tests.twins import redundant_arm as twin

SIZES = (20, 5, 5, 20)
TANH = rational_tanh.py_func
NO_FRAMES = np.zeros(0, np.int64)
STEPS, RULE = JOINTS, JOINTS + 1  # columns of ``final``


def sample(n, seed=0, scale=1.0, **fields):
    return scale * RedundantArm(**fields).solution_space.sample(n, np.random.default_rng(seed))


def evaluate(problem, solutions, *columns):
    return problem.evaluate(Request(solutions, columns=columns), np.zeros(len(solutions), np.uint64))


def push(*signs):
    """Weights of a network that ignores its input and accelerates joint j at full ``signs[j]``, 1, 0 or -1."""
    weights = np.zeros(228)
    weights[126] = 100.0  # the second hidden layer's bias: every unit gives 1
    for j, sign in enumerate(signs):
        weights[127 + j : 227 : 20] = 100.0 * sign
    return weights


def aimed(*directions):
    """Joint angles of an arm whose links have these directions [rad]."""
    return np.diff([np.pi / 2, *directions])


@pytest.mark.parametrize("scale", [0.1, 1.0, 4.0])
def test_every_step_agrees_with_the_twin(scale):
    """Small weights move the arm slowly until it is nearly illegal, large ones end it at once."""
    problem, weights = RedundantArm(), sample(5, 7, scale)
    final, trace = problem.episodes(weights, np.arange(100))
    for row in range(len(weights)):
        poses, rule = twin.episode(weights[row], SIZES, 100, TANH)
        steps = len(poses) - 1
        assert (steps, rule) == (final[row, STEPS], final[row, RULE])
        assert np.abs(poses[-1] - final[row, :JOINTS]).max() < 1e-10
        hands = np.array([twin.points(pose)[-1] for pose in poses[1:]])
        assert np.abs(hands - trace[row, :steps]).max() < 1e-10
        assert (trace[row, steps:] == trace[row, steps - 1]).all()


def test_the_sample_ends_in_every_way():
    """What the twin was compared on: episodes that end early, late, and by their length."""
    final, _ = RedundantArm().episodes(np.concatenate([sample(5, 7, scale) for scale in (0.1, 1.0, 4.0)]), NO_FRAMES)
    assert {0.0, 2.0} == set(final[:, RULE])
    assert final[final[:, RULE] == 2, STEPS].max() > 60
    assert final[:, JOINTS + 2].max() < 100  # of 200 substeps: looks were left out


COMPILES = pytest.mark.slow  # a network of its own is a kernel of its own


@pytest.mark.parametrize(
    "hidden", [pytest.param((1,), marks=COMPILES), pytest.param((2, 3, 4), marks=COMPILES), (3, 2, 2, 5)]
)
def test_other_networks_agree_with_the_twin(hidden):
    weights = sample(3, 11, hidden=hidden)
    final, _ = RedundantArm(hidden=hidden, steps=60).episodes(weights, NO_FRAMES)
    for row in range(3):
        poses, rule = twin.episode(weights[row], (20, *hidden, 20), 60, TANH)
        assert (len(poses) - 1, rule) == (final[row, STEPS], final[row, RULE])
        assert np.abs(poses[-1] - final[row, :JOINTS]).max() < 1e-10


def test_the_start():
    """The published end effector (0.3065, 0.6917)."""
    assert np.abs(points(START[None])[0, -1] - [0.3065, 0.6917]).max() < 5e-5
    assert illegal(points(START[None])[0]) == ""
    final, _ = RedundantArm().episodes(np.zeros((1, 228)), NO_FRAMES)
    assert (final[0, :JOINTS] == START).all()
    assert final[0, STEPS : RULE + 1].tolist() == [100, 0]


def test_a_push_in_closed_form():
    """n substeps at acceleration a from rest turn a joint by (a / 2) dt^2 (1 + 2 + ... + n)."""
    final, _ = RedundantArm(steps=5).episodes(push(0, 0, 0, 0, 1, -1)[None], NO_FRAMES)
    turn = 0.5 * 1e-4 * 55
    assert np.abs(final[0, :JOINTS] - START - np.eye(20)[4] * turn + np.eye(20)[5] * turn).max() < 1e-12
    assert final[0, RULE] == 0


def beside_a_wall():
    """Seven links almost to the right, so that joint 7 is 1e-6 above the right wall; then up, then left."""
    return aimed(*[np.arcsin((0.01 + 1e-6) / 0.35)] * 7, *[np.pi / 2] * 4, *[np.pi] * 9)


def beside_the_border():
    """Joints 12 to 16 go up at x = 1 - 1e-6."""
    return aimed(*[np.arccos((0.25 - 1e-6) / 0.35)] * 7, *[0.0] * 5, *[np.pi / 2] * 4, *[np.pi] * 4)


def beside_itself():
    """Link 5 is folded back onto link 4: |dx| + |dy| = 0.05 (1 - cos g + sin g) between joints 3 and 5."""
    fold = np.pi / 4 + np.arcsin(((0.0475 + 1e-6) / 0.05 - 1) / np.sqrt(2))
    return aimed(*[0.0] * 4, np.pi - fold, *[np.pi / 2] * 4, *[np.pi] * 11)


@pytest.mark.parametrize(
    ("start", "joint", "sign"), [(beside_a_wall, 0, -1), (beside_the_border, 0, -1), (beside_itself, 4, 1)]
)
def test_a_first_move_that_is_illegal(start, joint, sign):
    """1e-6 away from a wall, the border, itself: the first substep there ends the episode and moves nothing."""
    problem, signs = RedundantArm(steps=3), np.zeros(20)
    signs[joint] = sign
    weights = np.stack([push(*signs), push(*-signs), push()])
    final, trace = problem.episodes(weights, np.arange(3), start())
    assert final[:, RULE].tolist() == [2, 0, 0]
    assert final[:, STEPS].tolist() == [1, 3, 3]
    assert (final[[0, 2], :JOINTS] == start()).all()
    assert (final[1, :JOINTS] != start()).any()
    assert np.abs(trace[0] - points(start()[None])[0, -1]).max() < 1e-12


def test_the_rule_of_speed():
    """Half the hand's way in a substep, 0.05 * 0.01 * speed / 2, plus the signed speed of the last joint: at most 1."""
    weights = np.stack([push(), push(*[0] * 19, 1)])
    speed = 1 / (1 + 0.05 * 0.01 / 2)  # the first substep is just legal, nothing accelerates
    for last, ended in ((speed - 1e-6, [0, 1]), (speed + 1e-6, [1, 1]), (-1.5, [0, 0])):
        final, _ = RedundantArm(steps=1).episodes(weights, NO_FRAMES, speeds=np.array([0.0] * 19 + [last]))
        assert final[:, RULE].tolist() == ended
        moved = final[0, 19] - START[19]
        assert moved == pytest.approx(0.0 if ended[0] else 0.02 * last, abs=1e-12)


@pytest.mark.parametrize("scale", [0.1, 1.0])
def test_fast_starts_agree_with_the_twin(scale):
    speeds = np.array([0.0] * 10 + [-0.3, 0.3] * 4 + [0.0, 0.9])
    weights = sample(5, 3, scale)
    final, _ = RedundantArm(steps=40).episodes(weights, NO_FRAMES, speeds=speeds)
    for row in range(len(weights)):
        poses, rule = twin.episode(weights[row], SIZES, 40, TANH, speeds=speeds)
        assert (len(poses) - 1, rule) == (final[row, STEPS], final[row, RULE])
        assert np.abs(poses[-1] - final[row, :JOINTS]).max() < 1e-10


def test_exact_touches():
    """On the edge of a wall or at 0 is legal; inside, at 1, or closer than 0.0475 is not. As the twin has it."""
    from qd.problems import _redundant_arm_kernel as kernel
    from qd.problems.redundant_arm import WALLS

    legal = points(np.concatenate([START[None], aimed(*[0.0] * 3, *[1.5] * 2, *[np.pi] * 8, *[4.6] * 7)[None]]))
    places = [(0.49, 0.1), (0.51, 0.1), (0.5, 0.2), (0.5, 0.1), (0.2, 0.5), (0.8, 0.495), (0.9, 0.51), (0.9, 0.5)]
    places += [(0.0, 0.3), (0.3, 0.0), (1.0, 0.3), (0.3, 1.0), (-1e-17, 0.3), (0.3, 1 - 1e-16), (0.5, 0.0), (0.1, 0.1)]
    verdicts = []
    for posture in legal:
        assert twin.place_is_legal(posture)
        close = [posture[0] + [dx, dy] for dx, dy in ((0.0475, 0.0), (0.0474, 0.0), (-0.02, 0.0274), (-0.02, 0.0276))]
        for joint in range(3, 21):
            for place in [*places, *close]:
                changed = posture.copy()
                changed[joint] = place
                look = np.repeat(1e9 * np.arange(1, 5), kernel.SCRATCH // 4)
                look[kernel.X : kernel.X + 44] = look[kernel.Y : kernel.Y + 44] = 1e9 * np.arange(1, 45)
                look[kernel.X : kernel.X + 21], look[kernel.Y : kernel.Y + 21] = changed.T
                found = kernel.slack(look, WALLS) >= 0
                near = np.abs(np.delete(changed, joint, 0) - changed[joint]).sum(axis=1)
                if near[joint - 1] < 0.0475 or (joint < 20 and near[joint] < 0.0475):
                    continue  # torn from its place onto a neighbour, which no chain can be
                verdicts.append(found)
                assert found == twin.place_is_legal(changed) == (illegal(changed) == ""), (joint, place)
    assert 0.2 < np.mean(verdicts) < 0.8


def in_an_area():
    """Three links right, two up, eight left, seven down: the end effector at (0.25, 0.25), a reward area's centre."""
    return aimed(*[0.0] * 3, *[np.pi / 2] * 2, *[np.pi] * 8, *[1.5 * np.pi] * 7)


@pytest.mark.parametrize("faithful", [False, True])
@pytest.mark.parametrize("speed", [0.0, 2.0])
def test_both_rules_of_reward(monkeypatch, faithful, speed):
    """An arm that stays in an area, and one that an illegal move ends there."""
    assert illegal(points(in_an_area()[None])[0]) == ""
    monkeypatch.setattr(RedundantArm.episodes, "__defaults__", (in_an_area(), np.array([0.0] * 19 + [speed])))
    result = evaluate(RedundantArm(faithful_reward=faithful), push()[None], "reward_area")
    paid = not faithful or speed == 2.0
    assert result.objective[0] == pytest.approx(float(paid), abs=1e-12)
    assert result.columns["reward_area"].tolist() == [0 if paid else -1]
    assert np.abs(result.measures[0] - 0.25).max() < 1e-12
    assert result.cost["steps"].tolist() == [1.0 if speed else 100.0]


def test_reward_areas():
    """At the centre 1, half the radius away 1/2, on the rim and outside 0."""
    places = np.array([[0.25, 0.25], [0.275, 0.25], [0.25, 0.31], [0.85, 0.85], [0.25, 0.86], [0.5, 0.5]])
    paid, area = reward(places)
    assert np.abs(paid - [1, 0.5, 0, 1, 0.2, 0]).max() < 1e-12
    assert area.tolist() == [0, 0, -1, 1, 2, -1]


def test_the_contract():
    assert qd.check_problem(RedundantArm()) == []


def test_rows_do_not_depend_on_their_neighbours():
    problem, weights = RedundantArm(), sample(61, 3)
    whole = evaluate(problem, weights, "trajectory", "posture")
    parts = [evaluate(problem, weights[i:j], "trajectory", "posture") for i, j in ((0, 1), (1, 6), (6, 30), (30, 61))]
    shuffled = evaluate(problem, weights[::-1])
    for name in ("objective", "measures"):
        assert (getattr(whole, name) == np.concatenate([getattr(part, name) for part in parts])).all()
        assert (getattr(whole, name) == getattr(shuffled, name)[::-1]).all()
    assert (whole.cost["steps"] == shuffled.cost["steps"][::-1]).all()
    for name in ("trajectory", "posture"):
        assert (whole.columns[name] == np.concatenate([part.columns[name] for part in parts])).all()


def test_columns_and_status():
    problem, weights = RedundantArm(frames=7), sample(20)
    clean = evaluate(problem, weights, "trajectory", "posture", "reward_area")
    weights = weights.copy()
    weights[1, 4], weights[9] = np.nan, np.inf
    result = evaluate(problem, weights, "trajectory", "posture", "reward_area")
    ok = np.array([row not in (1, 9) for row in range(20)])
    assert (result.status == np.where(ok, Status.OK, Status.INVALID)).all()
    assert sorted(result.reasons) == [1, 9]
    assert np.isnan(result.objective[~ok]).all()
    assert np.isnan(result.measures[~ok]).all()
    assert (result.measures[ok] == clean.measures[ok]).all()
    assert result.columns["trajectory"].shape == (20, 7, 2)
    assert np.abs(result.columns["trajectory"][ok, -1] - result.measures[ok]).max() < 1e-12
    assert result.columns["posture"].shape == (20, 21, 2)
    assert (result.columns["posture"][ok, -1] == result.measures[ok]).all()
    links = np.linalg.norm(np.diff(result.columns["posture"], axis=1), axis=2)
    assert np.abs(links[ok] - 0.05).max() < 1e-12
    assert all(illegal(posture) == "" for posture in result.columns["posture"])
    assert result.cost["steps"].max() <= 100
    assert "posture" not in evaluate(problem, weights).columns


@pytest.mark.parametrize("size", [40, 21])
def test_pictures_are_the_twins(size):
    """Within 8 of 255 levels, a few per cent of a pixel: the twin counts samples, the kernel has exact shares."""
    result = evaluate(RedundantArm(images=2, image_size=size), sample(3, 4, 0.3), "images", "posture")
    images = result.columns["images"]
    assert (images.shape, images.dtype) == ((3, 2, size, size, 3), np.uint8)
    for row in (0, 2):
        assert np.abs(images[row, -1] - twin.picture(size, result.columns["posture"][row])).max() <= 8


def test_every_picture_is_of_its_step():
    problem, weights = RedundantArm(images=4, image_size=21), sample(2, 2, 0.3)
    images = evaluate(problem, weights, "images").columns["images"]
    _, trace = problem.episodes(weights, np.array([25, 50, 75, 99]), whole=True)
    assert (trace[:, :, -1] == problem.episodes(weights, np.array([25, 50, 75, 99]))[1]).all()
    for row in range(2):
        poses, _ = twin.episode(weights[row], SIZES, 100, TANH)
        for frame, step in enumerate((25, 50, 75, 99)):
            posture = twin.points(poses[min(step + 1, len(poses) - 1)])
            assert np.abs(posture - trace[row, frame]).max() < 1e-10
    for frame in range(4):
        assert np.abs(images[0, frame] - twin.picture(21, trace[0, frame])).max() <= 8


def test_the_arm_is_where_the_measures_say():
    """The ink's centre is the mean of the links' middles, and there is ink where the last link is."""
    result = evaluate(RedundantArm(image_size=100), sample(30, 9, 0.3), "images", "posture")
    seen = 0
    for images, posture, hand in zip(result.columns["images"], result.columns["posture"], result.measures):
        ink = 255.0 - images[-1, :, :, 1]
        ink[49:51], ink[:, 49:51] = 0.0, 0.0  # the walls, and what of the arm is there
        middles = (posture[1:] + posture[:-1]) / 2
        end = 0.8 * hand + 0.2 * posture[-2]
        if np.abs(end - 0.5).min() > 0.02:
            seen += 1
            around = ink[int((1 - end[1]) * 100) - 1 :, int(end[0] * 100) - 1 :][:3, :3]
            assert around.sum() > 255
        far = np.argwhere(ink[:, :, None].any(axis=2))
        places = np.stack([far[:, 1] + 0.5, 100 - far[:, 0] - 0.5], axis=1) / 100
        area = (np.linalg.norm(places[:, None] - np.array(AREAS)[:, :2], axis=2) < 0.065).any(axis=1)
        gaps = np.linalg.norm(places[~area][:, None] - middles, axis=2).min(axis=1)
        assert gaps.max() < 0.025 + 0.015  # half a link and a pixel: no ink elsewhere
    assert seen > 10


def test_an_arm_that_has_stopped_repeats_its_last_picture():
    problem, weights = RedundantArm(images=10, image_size=32), sample(40)
    result = evaluate(problem, weights, "images")
    images, steps = result.columns["images"], result.cost["steps"]
    assert steps.min() < 40
    after = [10, 20, 30, 40, 50, 60, 70, 80, 90, 99]
    for row in range(40):
        stopped = np.searchsorted(after, steps[row] - 1)
        assert (images[row, stopped:] == images[row, -1]).all()
    assert (images[:, 0] != images[:, -1]).any()


def test_pictures_change_nothing_else():
    problem, weights = RedundantArm(frames=7, images=4, image_size=16), sample(20, 6)
    plain = evaluate(problem, weights)
    both = evaluate(problem, weights, "images", "trajectory")
    assert "images" not in plain.columns
    assert plain.objective.tobytes() == both.objective.tobytes()
    assert plain.measures.tobytes() == both.measures.tobytes()
    for name in ("images", "trajectory"):
        alone = evaluate(problem, weights, name).columns[name]
        assert (both.columns[name] == alone).all()
        parts = [evaluate(problem, weights[i:j], name).columns[name] for i, j in ((0, 1), (1, 6), (6, 20))]
        assert (alone == np.concatenate(parts)).all()


def test_bad_settings_name_the_field():
    wrong = [{"steps": 0}, {"hidden": ()}, {"hidden": (5, 0)}, {"hidden": (1,) * 5}, {"frames": 0}, {"images": 0}]
    for fields in [*wrong, {"image_size": 7}]:
        with pytest.raises(QDError, match=next(iter(fields))):
            RedundantArm(**fields)
    weights = np.zeros((1, 228))
    for start, words in (
        (np.zeros(19), "start"),
        (np.zeros(20), "outside"),
        (aimed(*[0.0] * 8, *[1.5] * 4, *[3.1] * 8), "wall"),
    ):
        with pytest.raises(QDError, match=words):
            RedundantArm().episodes(weights, NO_FRAMES, start)
    with pytest.raises(QDError, match="too close"):
        RedundantArm().episodes(weights, NO_FRAMES, aimed(*[0.0, 3.0] * 10))
    with pytest.raises(QDError, match="speeds"):
        RedundantArm().episodes(weights, NO_FRAMES, speeds=np.full(20, np.nan))


@pytest.mark.drawing
def test_scene_and_figure():
    problem = RedundantArm(steps=50)
    scene = problem.scene()
    assert len(scene["lines"]) == 5
    assert [circle[:3] for circle in scene["circles"]] == list(AREAS)
    axes = problem.render(sample(1)[0], 0).axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x [widths]", "y [widths]")


def test_importing_the_problem_is_cheap():
    code = (
        "import sys; from qd.problems import RedundantArm; RedundantArm().solution_space; print('numba' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
