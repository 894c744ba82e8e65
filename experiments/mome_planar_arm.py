"""MOME on the planar arm: for each place that the hand can reach, a front from equal joints to joints moved little.

What to see: the disc of reach fills within 10,000 evaluations, then the MOQD score (qd_score) rises from 184 to 202 as
fronts grow: to some 25 members a cell near the shoulder, curled up at one end and folded at the other, and 9 at the
rim, where the arm is almost straight. About five seconds.
"""

import qd

experiment = qd.Experiment(
    problem=qd.problems.PlanarArmTradeOff(joints=10),
    algorithm=qd.algorithms.MOME(batch_size=1024, dims=(16, 16), front_size=50),
    budget=500_000,
)
