"""Weights of a reward for robots in deceptive mazes, where pay for nearness to the goal leads up to walls.

What to see: each layout has walls, a start and a goal of its own, and its goal lies behind a wall. A learner has 800
episodes, in which few of the robots with range finders come to the goal whatever they are paid, so a search over
rewards sees little but noise: a hard case. ``held_out_success`` in summary.json is the winner's,
``compared_held_out_success`` that of pay for nearness and rare places. Half a minute on one
core.
"""

import qd
from qd.rewards import Feature, Reward, WeightedSum

FEATURES = ("toward_goal", "from_start", "moved", "stuck", "near_wall", "fresh", "rarity", "step")

experiment = qd.Experiment(
    problem=qd.problems.EvolvedReward(
        qd.learners.DeceptiveMazes(),
        Reward(
            tuple(Feature(name) for name in FEATURES),
            WeightedSum(scale=0.1),
            default={"toward_goal.weight": 0.3, "rarity.weight": 1.0},
        ),
        qd.learners.PolicySearch(steps=320_000),
        layouts=4,
        seeds=1,
        select_seeds=2,
        held_out=16,
        test_seeds=2,
        sparse=100.0,
    ),
    algorithm=qd.algorithms.Selected(
        qd.algorithms.EvolutionStrategy(population_size=16, sigma=0.1), percent=100, candidates=5
    ),
    budget=39,
    seed=1,
)
