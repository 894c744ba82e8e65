"""CMA-ME, Fontaine, Togelius, Nikolaidis and Hoover 2020, https://arxiv.org/abs/1912.02400.

Several CMA-ES search for what improves the archive: each ranks its solutions by how they changed it, moves there, and
starts again from a random elite when nothing changes any more. Good for real vectors of up to a few hundred genes
whose archive is wide: it reaches cells that MAP-Elites' fixed steps do not. With ``active`` it becomes multi-emitter
MAP-Elites (Cully 2021, https://arxiv.org/abs/2007.05352): a bandit chooses which emitters of a pool come to the turn.

The emitters and the scheduler are pyribs'; the CMA-ES is ours by default, since pyribs' multiplies a learning rate in
twice and does not scale its path (``es="ribs_cma"`` for theirs). Three differences to pyribs: solutions that leave the
space are mirrored back instead of drawn again, without end where the space is small beside sigma0; failed rows rank
last; a restart before there is an elite begins at the start. pyribs' bandit takes the logarithm of the rows let in,
where UCB1 takes that of the rows tried.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from qd.algorithm import positive
from qd.contracts import Problem
from qd.errors import QDError
from qd.interop.ribs_emitters import (
    ISO_LINE,
    RANKERS,
    Strategy,
    archives_of,
    check_choice,
    check_restart_rule,
    seeds,
    starts,
    strategy,
)
from qd.interop.ribs_scheduler import RibsAlgorithm
from qd.space import Box


@dataclass(frozen=True)
class CMAME(RibsAlgorithm):
    """Evolution strategies that climb what the archive does not have yet.

    >>> CMAME(emitters=5, ranker=("2imp", "2rd")).es
    'cma'
    """

    emitters: int = 15
    """Evolution strategies at work, or in the pool where ``active`` is set."""
    batch_size: int = 36
    """Solutions an emitter and generation."""
    sigma0: float = 0.5
    """First step size, in units of the genes."""
    ranker: tuple[str, ...] = ("2imp",)
    """What emitters rank by, dealt out in turn: imp (improvement), rd (a random direction of the measures), obj; with 2
    in front, new cells come first. iso_line stands for an emitter of MAP-Elites' children."""
    selection_rule: Literal["filter", "mu"] = "filter"
    """Parents of the next distribution: filter takes what entered the archive, mu the better half."""
    restart_rule: Literal["no_improvement", "basic"] | int = "no_improvement"
    """Start again when nothing entered the archive; basic: when the strategy has converged; or every so many
    generations."""
    es: Strategy = "cma"
    """cma, or sep_cma for thousands of genes; with ribs_ in front those of pyribs, ribs_lm_ma among them."""
    dims: tuple[int, ...] = ()
    """Cells a measure; the problem's own declaration by default."""
    start: Literal["center", "sample"] = "center"
    """Where emitters begin: in the middle of the space, or each at a random solution."""
    active: int = 0
    """Emitters that come to the turn, chosen from the pool by UCB1; 0: all of them, no bandit."""
    zeta: float = 0.05
    """How much the bandit favours emitters that it has seldom tried."""
    reselect: Literal["terminated", "all"] = "terminated"
    """Emitters that the bandit chooses anew: those that started again, or all in every generation."""

    def __post_init__(self) -> None:
        positive(self, "emitters", "sigma0")
        if self.batch_size < 2:
            raise QDError(
                f"{self.name}.batch_size: got {self.batch_size}, wanted at least 2: a ranking of one says nothing"
            )
        if not self.ranker or isinstance(self.ranker, str):
            raise QDError(f"{self.name}.ranker: got {self.ranker!r}, wanted names, e.g. ('2imp',)")
        check_choice(self, "ranker", (*RANKERS, ISO_LINE))
        check_choice(self, "selection_rule", ("filter", "mu"))
        check_restart_rule(self)
        check_choice(self, "es", get_args(Strategy))
        check_choice(self, "start", ("center", "sample"))
        check_choice(self, "reselect", ("terminated", "all"))
        if not 0 <= self.active <= self.emitters:
            raise QDError(
                f"{self.name}.active: got {self.active}, wanted 0 to the {self.emitters} emitters of the pool"
            )
        if not self.zeta >= 0:
            raise QDError(f"{self.name}.zeta: got {self.zeta}, wanted 0 or more")

    def thresholds(self) -> tuple[float, float | None]:
        """(learning rate, threshold_min) of the emitters' archive: here each cell's threshold is its elite."""
        return 1.0, None

    def build(self, problem: Problem, space: Box, seed: int) -> Any:
        from ribs.emitters import EvolutionStrategyEmitter, IsoLineEmitter
        from ribs.schedulers import BanditScheduler, Scheduler

        archive, result = archives_of(self.name, problem, space, self.dims, *self.thresholds())
        x0s = starts(space, self.start, seed, self.emitters)
        settings = {
            "sigma0": self.sigma0,
            "es": strategy(self.es),
            "selection_rule": self.selection_rule,
            "restart_rule": self.restart_rule,
        }
        emitters: list[Any] = []
        for i, (x0, own_seed) in enumerate(zip(x0s, seeds(seed, self.emitters), strict=True)):
            shared = {"x0": x0, "batch_size": self.batch_size, "seed": own_seed}
            ranker = self.ranker[i % len(self.ranker)]
            if ranker == ISO_LINE:
                emitters.append(IsoLineEmitter(archive, **shared))
            else:
                emitters.append(EvolutionStrategyEmitter(archive, ranker=ranker, **shared, **settings))
        if self.active:
            return BanditScheduler(
                archive, emitters, result, num_active=self.active, zeta=self.zeta, reselect=self.reselect
            )
        return Scheduler(archive, emitters, result)
