"""An archive of rewards: each cell holds the best reward whose *trained* policies behave in one way.

What to see: the map's axes are what the learners do in the end, how long their episodes are and how many places they
come to, not what the reward looks like. Down at the left lie rewards that teach the shortest way; rewards that farm lie
on the right edge, where episodes are cut off, spread by how far their learners roam. One search gives a repertoire of
rewards. A minute on one core.
"""

import qd
from qd.learners.key_door import FEATURES
from qd.rewards import Feature, Reward, WeightedSum

experiment = qd.Experiment(
    problem=qd.problems.EvolvedReward(
        qd.learners.KeyDoor(), Reward(tuple(Feature(name) for name in FEATURES), WeightedSum(scale=0.1))
    ),
    algorithm=qd.algorithms.Selected(
        qd.algorithms.MapElites(batch_size=32, initial=1000, sigma=0.5), percent=1, candidates=5
    ),
    budget=4000,
    seed=1,
)
