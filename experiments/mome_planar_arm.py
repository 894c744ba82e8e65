"""MOME on the planar arm: for each place that the hand can reach, a front from equal joints to joints moved little.

What to see: the disc of reach fills, then the MOQD score (qd_score) rises as fronts grow; places near the shoulder
have long fronts, curled up at one end and folded at the other, places at the rim have almost none, for there the arm
is straight. About five seconds.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.PlanarArmTradeOff(joints=10),
    algorithm=qd.algorithms.MOME(batch_size=1024, dims=(16, 16), front_size=50),
    budget=500_000,
)
