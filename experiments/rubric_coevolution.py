"""Rubrics evolved beside the reports that they judge, from a naive rubric that is easily pleased.

Reports are put together from facts and from sentences that state nothing; rubrics weigh twenty criteria, of which eight
can be had for nothing. Thirty labelled pairs, three labels wrong, are all that is known of what is good.

What to see: ``rubric_agreement`` rises to about 0.8 within a few rounds while ``rubric_exploitability`` falls towards
0; ``policy_score`` drops after rounds that tighten the rubric and climbs again. ``test_gold`` at the end, on a topic
that nobody saw before, is about 0.9 (0.76 to 0.99 over ten seeds, and 0.64 in the worst run seen); with
``--algorithm.mode fixed``, which keeps the naive rubric, about 0.5 with ``policy_score`` at 1. Five seconds.
"""

import qd
from qd.algorithms import RubricCoevolution

experiment = qd.Experiment(
    problem=qd.problems.JudgedReports(anchor_seed=204),
    algorithm=RubricCoevolution(),
    budget=4000,
    seed=204,
)
