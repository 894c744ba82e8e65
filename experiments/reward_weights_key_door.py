"""Weights of a shaping reward on key-door grids: an evolution strategy finds what a hand-written reward misses.

What to see: the reward is a weighted sum of eight things that can be counted at a step. Learners paid for success
alone never solve a layout in 3000 steps; those paid by the evolved weights do on layouts that the search has not seen.
``held_out_success`` in summary.json is theirs, ``compared_held_out_success`` that of the reward written by hand.
Seconds on one core.
"""

import qd

FEATURES = (
    "toward_key",
    "toward_door",
    "toward_goal",
    "toward_goal_open",
    "key_picked",
    "door_opened",
    "bump",
    "step",
)

experiment = qd.Experiment(
    problem=qd.problems.EvolvedReward(
        qd.learners.KeyDoor(),
        qd.rewards.Reward(
            tuple(qd.rewards.Feature(name) for name in FEATURES),
            qd.rewards.WeightedSum(scale=0.1),
            default={
                "toward_key.weight": 1.0,
                "toward_door.weight": 1.0,
                "toward_goal_open.weight": 1.0,
                "key_picked.weight": 1.0,
                "door_opened.weight": 1.0,
                "step.weight": -0.1,
            },
        ),
    ),
    algorithm=qd.algorithms.Selected(
        qd.algorithms.EvolutionStrategy(population_size=16, sigma=0.1), percent=100, candidates=5
    ),
    budget=167,
    seed=1,
)
