"""Novelty search that knows trajectories by their signature: collect ball, 30,000 episodes, nothing measured by hand.

The measures are the 62 iterated integrals of the robot's course up to depth 5 (qd.behavior.Signature); the final
position is counted as truth_coverage and no search sees it. What to see: about as many of the 50 x 50 cells are
reached as by novelty search on five samples of the path, without having chosen the moments, and somewhat fewer than by
novelty search on the final position itself, which benchmarks/signature_coverage_study.py compares. Published by Paolo
and others for STAX (https://arxiv.org/abs/2203.01027): the same order. Under half a minute on two cores.

Other forms: --problem.encoder.time true, --problem.encoder.log true, --problem.encoder.depth 3.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.Encoded(qd.problems.CollectBall(), qd.behavior.Signature(depth=5)),
    algorithm=qd.algorithms.NoveltySearch(population_size=100),
    budget=30_000,
)
