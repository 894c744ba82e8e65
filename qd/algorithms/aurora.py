"""AURORA: MAP-Elites without hand-made measures, Cully 2019 and Grillotti and Cully 2022.

https://doi.org/10.1145/3321707.3321804, https://arxiv.org/abs/2106.05648. Good for a repertoire of behaviours that are
each as good as can be, in a space that an encoder learns from observations. Instead of a grid, whose ranges nobody
knows, elites keep a distance from each other, and the distance is steered so that there are about ``target_size``.
Each training encodes all elites anew, and they compete for their places again.

We differ from the papers' code in the training schedule, which is that of STAX (after evaluations 1,000, 3,000, 6,000
...) beside a first training on the first batch, and in the size, which is bounded hard.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from qd.algorithm import Algorithm, Report, positive, probability
from qd.algorithms import _described as described
from qd.algorithms import _exploration as exploring
from qd.algorithms._children import check_iso_line, children_of, operator_of
from qd.behavior import Autoencoder, Encoder
from qd.contracts import Evaluation, Problem, Request
from qd.errors import QDError
from qd.rng import generator
from qd.space import Space


@dataclass
class AURORAState:
    """The archive, once the shape of observations is known, and the space."""

    seed: int
    space: Space
    archive: Any = None
    behavior: described.SpaceState = field(default_factory=described.SpaceState)
    generation: int = 0
    explored: int = 0  # evaluations since the last chunk ended


@dataclass(frozen=True)
class AURORA(Algorithm):
    """Elites in a learned space.

    >>> AURORA().target_size
    1000
    """

    batch_size: int = 100
    """Solutions a generation."""
    target_size: int = 1000
    """Elites that the archive is steered to hold; a half more at most."""
    gain: float = 0.2
    """Of that control: how fast the distance between elites follows."""
    iso_sigma: float = 0.02
    """Standard deviation of the Gaussian part of iso+line variation."""
    line_sigma: float = 0.2
    """Standard deviation of the step along the line to a second elite, in units of their distance."""
    flip_probability: float = 0.02
    """Of each gene, where solutions are masks."""
    neighbors: int = 15
    """Nearest neighbours that the archive's novelty averages over."""
    chunk_size: int = 1000
    """The training schedule counts in so many evaluations."""
    training: Literal["triangular", "every"] = "triangular"
    """The encoder learns on the first batch, then after chunks 1, 3, 6, 10 ..., or after each."""
    encoder: Encoder = field(default_factory=Autoencoder)
    """Learns the measures from observations."""
    observation: str = "images"
    """The problem's column that the encoder reads."""

    State = AURORAState

    def __post_init__(self) -> None:
        positive(self, "batch_size", "target_size", "gain", "neighbors", "chunk_size")
        probability(self, "flip_probability")
        check_iso_line(self)
        if self.gain > 1:
            raise QDError(f"AURORA.gain: got {self.gain}, wanted a number above 0 and at most 1")
        if self.training not in ("triangular", "every"):
            raise QDError(f"AURORA.training: got {self.training!r}, wanted 'triangular' or 'every'")

    def init(self, problem: Problem, seed: int) -> AURORAState:
        described.check(self, problem)
        return AURORAState(seed, exploring.check_space(self, problem.space()))

    def ask(self, state: AURORAState, left: int) -> Request | None:
        if left <= 0:
            return None
        number = state.generation
        state.generation += 1
        columns = described.columns(self)
        if state.archive is None or state.archive.empty:
            rng = generator(state.seed, "sample", number)
            return Request(state.space.sample(self.batch_size, rng), operators="sample", columns=columns)
        rng = generator(state.seed, "variation", number)
        operator, parents = operator_of(state.space)
        slots = state.archive.sample_slots(parents * self.batch_size, rng).reshape(parents, -1)
        children = children_of(self, state.space, operator, state.archive.column("solution"), slots, rng)
        ids = state.archive.column("id")[slots].T
        return Request(children, parents=ids, operators=operator, columns=columns)

    def tell(self, state: AURORAState, request: Request, evaluation: Evaluation) -> None:
        born = described.members(self, state.behavior, state.seed, request, evaluation)
        if len(born):
            if state.archive is None and self.encoder.learns:  # an encoder that knows nothing may see but one point
                described.train(self, state.behavior, state.seed, born.observations)
                described.see_anew(self, state.behavior, born)
            self._add(state, born)
        state.explored += len(request) * request.repeats
        if state.explored < self.chunk_size:
            return
        state.explored -= self.chunk_size
        learns = self.encoder.learns and state.archive is not None and len(state.archive) > 1
        if learns and described.due(state.behavior, self.training):
            described.train(self, state.behavior, state.seed, state.archive.column("observations"))
            state.archive.re_encode(lambda rows: described.describe(self, state.behavior, rows)[0])
            measures = np.asarray(state.archive.column("measures"), np.float64)
            described.watch(self, state.behavior, measures, state.archive.column("id"))

    def _add(self, state: AURORAState, born: described.Members) -> None:
        from archives import UnstructuredArchive

        if state.archive is None:
            state.archive = UnstructuredArchive(
                solution_dim=born.solutions.shape[1], measure_dim=born.measures.shape[1],
                solution_dtype=born.solutions.dtype, k_neighbors=self.neighbors, target_size=self.target_size,
                gain=self.gain, extra_fields=exploring.kept_fields(born),
            )  # fmt: skip
        state.archive.add(born.solutions, born.objective, born.measures, **exploring.kept_columns(born))
        state.archive.control_size()

    def report(self, state: AURORAState) -> Report:
        metrics = {
            "archive_size": 0 if state.archive is None else len(state.archive),
            "archive_distance": float("nan") if state.archive is None else state.archive.distance,
            "archive_objective": float("nan") if not state.archive else float(state.archive.obj_mean),
            **described.metrics(self, state.behavior),
        }
        populations = described.kept(self, state.behavior, state.archive)
        return Report({} if state.archive is None else {"elites": state.archive}, metrics, populations)
