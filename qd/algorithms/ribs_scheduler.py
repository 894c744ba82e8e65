"""Any search that is built of pyribs' parts: emitters, rankers, evolution strategies, archives, a bandit.

https://docs.pyribs.org. Good for what pyribs has and this package does not name: write their scheduler as their
tutorials do, and have failures survived, checkpoints, exact resuming and any number of ranks. How failed rows are told
is written in ``qd.interop.ribs_scheduler``, what can be stored in ``qd.interop.ribs_objects``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qd.codec import encode
from qd.contracts import Problem
from qd.errors import QDError
from qd.interop.ribs_scheduler import RibsAlgorithm
from qd.space import Box


@dataclass(frozen=True)
class RibsScheduler(RibsAlgorithm):
    """A pyribs scheduler of your own making.

    The archives may be pyribs' or ours; give ours the extra field ``id`` to keep evaluation numbers. pyribs' evolution
    strategies draw again, without end, what lies outside the bounds that an emitter is given: leave them out, and
    solutions are mirrored into the problem's space.

    >>> def make(problem, seed):
    ...     from ribs.emitters import IsoLineEmitter
    ...     from ribs.schedulers import Scheduler
    ...
    ...     archive = qd.archives.GridArchive(solution_dim=6, dims=(20, 20), ranges=problem.measure_space.ranges)
    ...     emitters = [IsoLineEmitter(archive, x0=[0.5] * 6, batch_size=30, seed=seed + i) for i in range(2)]
    ...     return Scheduler(archive, emitters)
    >>> import qd
    >>> arm = qd.problems.PlanarArm(joints=6)
    >>> result = qd.run(qd.Experiment(arm, RibsScheduler(make), budget=500))
    >>> result.summary["evaluations"]
    500
    """

    make_scheduler: Callable[[Problem, int], Any]
    """(problem, seed) -> the scheduler. Seeds for emitters come from ``seed``; nothing else may be random."""

    def build(self, problem: Problem, space: Box, seed: int) -> Any:
        scheduler = self.make_scheduler(problem, seed)
        again = self.make_scheduler(problem, seed)
        if encode({"scheduler": scheduler}) != encode({"scheduler": again}):
            raise QDError(
                f"RibsScheduler.make_scheduler: two calls with seed {seed} made different schedulers, so the run could "
                "not be repeated; draw starts from qd.rng.generator(seed, ...) and hand `seed` on to every emitter"
            )
        return scheduler
