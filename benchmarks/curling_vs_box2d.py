"""The curling table against the same scene in Box2D: where balls end under random networks, and how fast.

Box2D settles contacts in rounds of impulses; with few rounds bodies give in like rubber, with many it comes close to
what the rules say. Shown for 10 and for 300 rounds: the share of episodes in which the ball moved, how many agree in
that, the distance of the final positions, the largest energy distance of the two clouds in a coordinate, correlations,
and the speed. Fails below 90 % agreement in whether the ball moved or a median distance above 0.1 at 300 rounds.
Needs the package Box2D, which the project does not depend on. About two minutes.

    pip install --target DIRECTORY Box2D
    PYTHONPATH=DIRECTORY:. python -m benchmarks.curling_vs_box2d
"""

from __future__ import annotations

import sys
import time
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import energy_distance

from benchmarks.machine import describe
from qd.problems import Curling
from qd.problems.curling import (
    BALL_RADIUS,
    BASE_Y,
    DAMPING,
    DT,
    ELBOW,
    HALF_LENGTH,
    HALF_WIDTH,
    LIMITS,
    RESTITUTION,
    SPIN_DAMPING,
    START,
    TAIL,
    WALL,
)
from qd.rng import generator

POLICIES, ROUNDS = 200, (10, 300)
TORQUE = 100.0  # of the motors


class Table:
    """The scene in Box2D, the middle of the table at (0, 0)."""

    def __init__(self, rounds: int) -> None:
        box2d = import_module("Box2D")
        self.rounds, self.world = rounds, box2d.b2World(gravity=(0, 0))
        walls = []
        for x, y, wide, high in ((0, -1.5, 1.5, 0.05), (0, 1.5, 1.5, 0.05), (-1.5, 0, 0.05, 1.5), (1.5, 0, 0.05, 1.5)):
            walls.append(self.world.CreateStaticBody(position=(x, y)))
            walls[-1].CreateFixture(shape=box2d.b2PolygonShape(box=(wide, high)))
        assert abs(WALL - 1.45) < 1e-12
        self.ball = self.world.CreateDynamicBody(position=START, linearDamping=DAMPING, angularDamping=SPIN_DAMPING)
        shape = box2d.b2CircleShape(radius=BALL_RADIUS)
        self.ball.CreateFixture(shape=shape, density=1, friction=0.9, restitution=RESTITUTION)
        links = []
        for y, density in ((BASE_Y + HALF_LENGTH, 5), (BASE_Y + ELBOW + HALF_LENGTH - TAIL, 1)):
            links.append(self.world.CreateDynamicBody(position=(0, y)))
            shape = box2d.b2PolygonShape(box=(HALF_WIDTH, HALF_LENGTH))
            links[-1].CreateFixture(shape=shape, density=density, friction=0.9, restitution=0)
        self.joints = [
            self.world.CreateRevoluteJoint(
                bodyA=a, bodyB=b, anchor=(0, y), lowerAngle=-most, upperAngle=most, enableLimit=True, enableMotor=True,
                maxMotorTorque=TORQUE,
            )
            for a, b, y, most in ((walls[0], links[0], BASE_Y, LIMITS[0]), (*links, BASE_Y + ELBOW, LIMITS[1]))
        ]  # fmt: skip

    def observation(self) -> NDArray[np.float64]:
        """(6,) what the network sees."""
        return np.array([*self.ball.position, *(j.angle for j in self.joints), *(j.speed for j in self.joints)])

    def step(self, speeds: NDArray[np.float64]) -> None:
        """One step in which the joints are told their speeds."""
        for joint, speed in zip(self.joints, speeds, strict=True):
            joint.motorSpeed = float(speed)
        self.world.Step(DT, self.rounds, 10)


def box2d_episodes(problem: Curling, weights: NDArray[np.float64], rounds: int) -> NDArray[np.float64]:
    """(n, 2) where the balls are at the end."""
    tables = [Table(rounds) for _ in weights]
    for _ in range(problem.steps):
        seen = np.array([table.observation() for table in tables])
        for table, speeds in zip(tables, problem.policy.forward(weights, seen), strict=True):
            table.step(speeds)
    return np.array([table.observation()[:2] for table in tables])


def compare(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> dict[str, Any]:
    """Figures of two clouds of final positions (n, 2)."""
    moved, they_moved = (np.hypot(*(ends - START).T) > 0.02 for ends in (ours, theirs))
    both = moved & they_moved
    apart = np.hypot(*(ours - theirs)[both].T)
    return {
        "moved, here": moved.mean(),
        "moved, Box2D": they_moved.mean(),
        "agree in that": (moved == they_moved).mean(),
        "median distance": np.median(apart),
        "nearer than a cell (0.054)": (apart < 0.054).mean(),
        "correlation x": np.corrcoef(ours[both, 0], theirs[both, 0])[0, 1],
        "correlation y": np.corrcoef(ours[both, 1], theirs[both, 1])[0, 1],
        "energy distance": max(energy_distance(ours[moved, k], theirs[they_moved, k]) for k in (0, 1)),
        "furthest from the middle, Box2D": np.abs(theirs).max(),
    }


def main() -> int:
    """Print the figures; 1 where they miss the bounds."""
    describe("Box2D")
    problem = Curling()
    problem.prepare()
    weights = np.asarray(problem.solution_space.sample(POLICIES, generator(0, "benchmark")))
    started = time.process_time()
    final, _ = problem.episodes(weights, np.zeros(0, np.int64))
    spent = time.process_time() - started
    good = True
    for rounds in ROUNDS:
        started = time.process_time()
        theirs = box2d_episodes(problem, weights, rounds)
        ratio = (time.process_time() - started) / spent
        print(f"{POLICIES} random networks, Box2D with {rounds} rounds; {ratio:.0f} times as fast as Box2D from Python")
        figures = compare(final[:, :2], theirs)
        for name, value in figures.items():
            print(f"  {name}: {value:.3f}")
        good = figures["agree in that"] >= 0.9 and figures["median distance"] <= 0.1
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
