"""A potential evolved for key-door grids: shaping that cannot be hacked, since it leaves the optimal policies alone.

What to see: Phi is an offset plus five weighted state variables, and learners are paid its change. Nothing is wrong
with any such reward in the limit, and nearly all are useless in 3000 steps: tables behave as if they began at Phi, so
it must come near the optimal values. ``held_out_success`` in summary.json is what the best teaches on layouts that the
search has not seen, after 3000 steps in which learners paid for success alone solve none. Seconds on one core.
"""

import qd
from qd.rewards import Gene, Potential, Reward

cells = tuple(Gene(name, spread=0.03) for name in ("key_distance", "door_distance", "goal_distance"))
flags = tuple(Gene(name, spread=0.2) for name in ("has_key", "door_open"))

experiment = qd.Experiment(
    problem=qd.problems.EvolvedReward(qd.learners.KeyDoor(), Reward((Potential((*cells, *flags), discount=0.98),))),
    algorithm=qd.algorithms.Selected(
        qd.algorithms.GeneticAlgorithm(population_size=16, parents=5, sigma=0.5), percent=100, candidates=5
    ),
    budget=487,
    seed=1,
)
