"""CMA-MEGA, Fontaine and Nikolaidis 2021, https://arxiv.org/abs/2106.03894.

Gradients of the objective and of every measure span a small space around one solution; CMA-ES searches the
coefficients, 1 + m numbers however many genes there are, and the solution steps to where the archive improved. Good
for problems that offer gradients: the column ``"jacobian"``, (n, 1 + m, d). With ``threshold_min`` it is CMA-MAEGA
(Fontaine and Nikolaidis 2023, https://arxiv.org/abs/2205.10752): thresholds learn and a result archive is kept.

A generation is two requests: one row an emitter with gradients, then the batch. pyribs' emitter knows no bounds;
solutions outside the space are clipped to it. What is said of pyribs in ``qd.algorithms.cma_me`` holds here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from qd.algorithm import positive
from qd.contracts import Problem
from qd.errors import QDError
from qd.interop.ribs_emitters import (
    RANKERS,
    Strategy,
    archives_of,
    check_choice,
    check_restart_rule,
    check_thresholds,
    seeds,
    starts,
    strategy,
)
from qd.interop.ribs_scheduler import RibsAlgorithm
from qd.space import Box


@dataclass(frozen=True)
class CMAMEGA(RibsAlgorithm):
    """CMA-ES over the coefficients of gradients.

    >>> CMAMEGA(step=0.05, optimizer="adam").batch_size
    35
    """

    emitters: int = 1
    """Solutions that gradients are taken at, each with its own strategy."""
    batch_size: int = 35
    """Solutions an emitter and generation, beside the one with gradients."""
    sigma0: float = 10.0
    """First step size of the coefficients."""
    step: float = 1.0
    """Learning rate with which the solution follows the mean of its better offspring."""
    optimizer: Literal["gradient_ascent", "adam"] = "gradient_ascent"
    """How it follows; adam wants a small step, e.g. 0.002."""
    normalize: bool = True
    """Give each gradient length 1, so that the coefficients alone say how far to go."""
    ranker: str = "2imp"
    """What offspring are ranked by: imp (improvement), rd, obj; with 2 in front, new cells come first."""
    selection_rule: Literal["filter", "mu"] = "mu"
    """Parents: the better half, or what entered the archive."""
    restart_rule: Literal["no_improvement", "basic"] | int = "no_improvement"
    """Start again when nothing entered the archive; basic: when the strategy has converged; or every so many
    generations."""
    es: Strategy = "cma"
    """Strategy over the coefficients: cma, sep_cma, or pyribs' own with ribs_ in front."""
    dims: tuple[int, ...] = ()
    """Cells a measure; the problem's own declaration by default."""
    start: Literal["center", "sample"] = "center"
    """Where emitters begin: in the middle of the space, or each at a random solution."""
    learning_rate: float = 1.0
    """With ``threshold_min``: how far a threshold moves toward an objective that passed it."""
    threshold_min: float | None = None
    """Where thresholds start; None: they are the elites' objectives, which is CMA-MEGA; a number makes it CMA-MAEGA."""

    def __post_init__(self) -> None:
        positive(self, "emitters", "sigma0", "step")
        if self.batch_size < 2:
            raise QDError(
                f"{self.name}.batch_size: got {self.batch_size}, wanted at least 2: a ranking of one says nothing"
            )
        check_choice(self, "ranker", RANKERS)
        check_choice(self, "selection_rule", ("filter", "mu"))
        check_choice(self, "optimizer", ("gradient_ascent", "adam"))
        check_choice(self, "es", [name for name in get_args(Strategy) if name != "ribs_lm_ma"])  # it wants d > batch
        check_choice(self, "start", ("center", "sample"))
        check_restart_rule(self)
        check_thresholds(self)
        if self.selection_rule == "filter" and self.restart_rule != "no_improvement":
            raise QDError(
                f"{self.name}.restart_rule: got {self.restart_rule!r} with selection_rule 'filter'; wanted "
                "'no_improvement', or selection_rule 'mu': without parents pyribs' emitter steps towards 0"
            )

    def build(self, problem: Problem, space: Box, seed: int) -> Any:
        from ribs.emitters import GradientArborescenceEmitter
        from ribs.schedulers import Scheduler

        archive, result = archives_of(self.name, problem, space, self.dims, self.learning_rate, self.threshold_min)
        x0s = starts(space, self.start, seed, self.emitters)
        settings = {
            "sigma0": self.sigma0,
            "lr": self.step,
            "grad_opt": self.optimizer,
            "normalize_grad": self.normalize,
            "ranker": self.ranker,
            "selection_rule": self.selection_rule,
            "restart_rule": self.restart_rule,
            "es": strategy(self.es),
            "batch_size": self.batch_size,
        }
        emitters = [
            GradientArborescenceEmitter(archive, x0=x0, seed=own_seed, **settings)
            for x0, own_seed in zip(x0s, seeds(seed, self.emitters), strict=True)
        ]
        return Scheduler(archive, emitters, result)
