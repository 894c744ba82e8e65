"""Any pyribs scheduler in our loop: its emitters ask, the loop evaluates, its archive and emitters are told.

The scheduler, its emitters and its archives are pyribs' own objects; this module owns the calls between them, for four
reasons. Every generator is replaced by an addressed one before each call, so that a run resumes to the bit. Solutions
outside the space are brought back: mirrored, or clipped where emitters follow gradients, whose signs a mirror would
turn. The last request of a run may be cut. And a row that failed is kept from doing harm (pyribs rejects a batch with
NaN in it):

- It never enters an archive, and counts as not let in (status 0).
- Its emitter is told the objective and measures of the worst row that came out well, and ranks it behind all of
  those, whatever the ranker. With the rule "mu" no more parents are taken than rows came out well.
- An emitter of which no row came out well restarts from a random elite.
- A restart while there is no elite (nothing came out well, or beat the archive's threshold_min) begins at x0 again,
  where pyribs raises.
- Where a gradient failed, a gradient arborescence restarts from a random elite, or a random solution while there is
  none, and gradients are asked for again; the other gradient emitters leave such a row's parent as it is.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from operators import mirror
from qd.algorithm import Algorithm, Report
from qd.codec import encode, register
from qd.contracts import Evaluation, Problem, Request
from qd.errors import QDError
from qd.rng import generator
from qd.space import Box


def _dump(scheduler: Any) -> dict[str, Any]:
    from qd.interop.ribs_objects import dump

    return dump(scheduler)


def _load(tree: dict[str, Any]) -> Any:
    from qd.interop.ribs_objects import load

    return load(tree)


register("ribs.schedulers._scheduler:Scheduler", "ribs.Scheduler", _dump, _load)
register("ribs.schedulers._bandit_scheduler:BanditScheduler", "ribs.BanditScheduler", _dump, _load)


@dataclass
class RibsState:
    """The scheduler with all that hangs on it, how often it was asked, and whether it wants gradients next."""

    seed: int
    space: Box
    scheduler: Any
    gradients: bool
    generation: int = 0


class RibsAlgorithm(Algorithm):
    """A search that is a pyribs scheduler. A child says how to ``build`` it."""

    State = RibsState

    @abstractmethod
    def build(self, problem: Problem, space: Box, seed: int) -> Any:
        """The scheduler of a run: ``ribs.schedulers.Scheduler`` or ``BanditScheduler``."""

    def init(self, problem: Problem, seed: int) -> RibsState:
        space = problem.space()
        if not isinstance(space, Box):
            raise QDError(f"{self.name}: {problem.name} has solutions in {space!r}; pyribs' emitters vary real vectors")
        if problem.measure_space is None:
            raise QDError(f"{self.name}: {problem.name} declares no measures; give it a measure_space")
        scheduler = self.build(problem, space, seed)
        _check(self.name, scheduler, problem, space)
        encode({"scheduler": scheduler})  # what cannot be stored is refused before anything is evaluated
        return RibsState(seed, space, scheduler, _wants_gradients(scheduler))

    def ask(self, state: RibsState, left: int) -> Request | None:
        if left <= 0:
            return None
        scheduler = state.scheduler
        _address(state, "ask")
        state.generation += 1
        with np.errstate(divide="ignore", invalid="ignore"):  # the bandit's logarithm before anything was let in
            solutions = scheduler.ask_dqd() if state.gradients else scheduler.ask()
        if state.gradients and len(solutions) == 0:  # emitters that begin with solutions of their own
            state.gradients, scheduler._last_called = False, None
            solutions = scheduler.ask()
        inside = _bounded(solutions, state.space, clip=_wants_gradients(scheduler))
        scheduler._cur_solutions = inside
        return Request(inside, operators="emitters", columns=("jacobian",) if state.gradients else ())

    def dropped(self, state: RibsState, request: Request) -> None:
        state.scheduler._last_called = None
        state.gradients = _wants_gradients(state.scheduler)  # some emitters use theirs up when they ask

    def tell(self, state: RibsState, request: Request, evaluation: Evaluation) -> None:
        scheduler, asked, got = state.scheduler, len(state.scheduler._cur_solutions), len(request)
        _address(state, "tell")
        scheduler._last_called = "tell_dqd" if state.gradients else "tell"
        ok = np.zeros(asked, bool)
        ok[:got] = evaluation.ok
        rows = _Rows(scheduler, ok, request, evaluation)
        if state.gradients:
            state.gradients = not _tell_gradients(state, rows, evaluation, got)
            return
        for index, emitter, span in _asked(scheduler):
            if span.start >= got:
                return  # the request was cut before it: it was not evaluated, which is not a failure
            if hasattr(scheduler, "_selection"):  # UCB1 counts rows evaluated and rows let in
                scheduler._selection[index] += min(span.stop, got) - span.start
                scheduler._success[index] += np.count_nonzero(rows.info["status"][span])
            rows.tell(emitter, span)
        state.gradients = _wants_gradients(scheduler)

    def report(self, state: RibsState) -> Report:
        scheduler = state.scheduler
        archives = {"elites": scheduler.result_archive}
        if scheduler.archive is not scheduler.result_archive and _fields(scheduler.archive):
            archives["learning"] = scheduler.archive
        restarts = sum(getattr(emitter, "restarts", 0) for emitter in _emitters(scheduler))
        return Report(archives, {"restarts": restarts})


def _check(name: str, scheduler: Any, problem: Problem, space: Box) -> None:
    from ribs.schedulers import BanditScheduler, Scheduler

    if type(scheduler) not in (Scheduler, BanditScheduler):
        raise QDError(f"{name}: got a {type(scheduler).__name__}, wanted a ribs.schedulers.Scheduler or "
                      "BanditScheduler")  # fmt: skip
    dim, measures = scheduler._solution_dim, problem.measure_space
    assert measures is not None  # checked before
    if dim != space.length:
        raise QDError(f"{name}: the emitters make solutions of {dim} genes, {problem.name} has {space.length}")
    for archive in {id(a): a for a in (scheduler.archive, scheduler.result_archive)}.values():
        if archive.measure_dim != measures.size:
            raise QDError(f"{name}: the {type(archive).__name__} has {archive.measure_dim} measures, {problem.name} "
                          f"has {measures.size}: {measures.names}")  # fmt: skip
        extra = set(_fields(archive)) - {"solution", "objective", "measures", "threshold", "index"}
        if extra - {"id"}:
            raise QDError(f"{name}: the {type(archive).__name__} wants the extra fields {sorted(extra)}; only 'id', "
                          "the evaluation number, is known here")  # fmt: skip
    if not _fields(scheduler.result_archive):
        raise QDError(f"{name}: a {type(scheduler.result_archive).__name__} keeps no elites; give the scheduler a "
                      "result_archive that does")  # fmt: skip
    if _wants_gradients(scheduler) and "jacobian" not in problem.columns:
        raise QDError(
            f"{name}: its emitters follow gradients, and {problem.name} does not offer the column 'jacobian': (n, 1 + "
            "m, d), the gradients of the objective and of each measure. Declare it in columns and fill it in evaluate, "
            "or take a search without gradients, e.g. CMAMAE"
        )


def _fields(archive: Any) -> list[str]:
    """The fields of an archive's elites; none where it keeps no elites, as pyribs' DensityArchive."""
    try:
        return list(archive.field_list)
    except NotImplementedError:
        return []


def _emitters(scheduler: Any) -> list[Any]:
    return list(scheduler.emitter_pool if hasattr(scheduler, "emitter_pool") else scheduler.emitters)


def _wants_gradients(scheduler: Any) -> bool:
    from ribs.emitters import EmitterBase

    return any(type(emitter).ask_dqd is not EmitterBase.ask_dqd for emitter in _emitters(scheduler))


def _address(state: RibsState, call: str) -> None:
    from qd.interop.ribs_objects import address

    address(state.scheduler, state.seed, call, state.generation)


def _bounded(solutions: Any, space: Box, clip: bool) -> NDArray[Any]:
    low, high = space.bounds
    x = np.asarray(solutions)
    inside = np.clip(x, low, high) if clip else mirror(x, low, high)
    return inside.astype(space.dtype, copy=False)


def _asked(scheduler: Any) -> Iterator[tuple[int, Any, slice]]:
    """(number, emitter, its rows) of the emitters that made the last batch."""
    active = getattr(scheduler, "_active_arr", None)
    first = 0
    for index, emitter in enumerate(_emitters(scheduler)):
        if active is None or active[index]:
            count = int(scheduler._num_emitted[index])
            yield index, emitter, slice(first, first + count)
            first += count


class _Rows:
    """One batch as emitters are told it: added to the archives where ok, finite everywhere."""

    def __init__(self, scheduler: Any, ok: NDArray[np.bool_], request: Request, evaluation: Evaluation) -> None:
        fine = evaluation.ok
        good = {
            "solution": np.asarray(request.solutions)[fine],
            "objective": evaluation.objective[fine],
            "measures": evaluation.measures[fine],
        }
        info: dict[str, Any] = {"status": np.zeros(0, np.int32), "value": np.zeros(0)}
        if len(good["objective"]):
            single = scheduler._add_mode == "single"
            info = _added(scheduler.archive, good, request.ids[fine], single)
            if scheduler.result_archive is not scheduler.archive:
                _added(scheduler.result_archive, good, request.ids[fine], single)
        self.ok = ok
        worst = int(good["objective"].argmin()) if ok.any() else 0
        self.data = {"solution": scheduler._cur_solutions}
        for name in ("objective", "measures"):
            self.data[name] = _spread(good[name], ok, worst)
        self.info = {name: _spread(np.asarray(column), ok, worst) for name, column in info.items()}
        self.info["status"][~ok] = 0

    def tell(self, emitter: Any, span: slice) -> None:
        """Tell one emitter its rows."""
        data, info = self.part(span)
        with _sheltered(emitter, self.ok[span]):
            emitter.tell(**data, add_info=info)

    def part(self, span: slice) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
        """The rows of one emitter, copied, since emitters write into what they are told."""
        data, info = ({name: column[span].copy() for name, column in columns.items()}
                      for columns in (self.data, self.info))  # fmt: skip
        return data, info


def _added(archive: Any, rows: dict[str, Any], ids: NDArray[np.int64], single: bool) -> dict[str, Any]:
    """What an archive says of rows that it was given, in one batch or one by one."""
    if "id" in _fields(archive):
        rows = rows | {"id": ids}
    if not single:
        return dict(archive.add(**rows))
    infos = [archive.add_single(**{name: column[i] for name, column in rows.items()}) for i in range(len(ids))]
    return {name: np.asarray([info[name] for info in infos]) for name in infos[0]}


def _spread(good: NDArray[Any], ok: NDArray[np.bool_], worst: int) -> NDArray[Any]:
    """The column over all rows: the others hold what row ``worst`` of the good ones has, or 0 where none is good."""
    column = np.zeros((len(ok), *good.shape[1:]), good.dtype)
    if len(good):
        column[:] = good[worst]
        column[ok] = good
    return column


@contextmanager
def _sheltered(emitter: Any, ok: NDArray[np.bool_]) -> Iterator[None]:
    """Make an emitter's tell survive failed rows and an empty archive; all is put back afterwards."""
    kept = {}
    if not ok.all() and hasattr(emitter, "_ranker"):
        kept["_ranker"] = emitter._ranker
        emitter._ranker = _FailedLast(emitter._ranker, ok)
        kept["_batch_size"] = emitter._batch_size
        emitter._batch_size = min(emitter._batch_size, 2 * int(ok.sum()))  # "mu" takes half of it as parents
    if emitter.archive.empty and getattr(emitter, "x0", None) is not None:
        kept["_archive"] = emitter._archive
        emitter._archive = _NoElites(emitter._archive, emitter.x0)
    try:
        yield
    finally:
        vars(emitter).update(kept)


class _FailedLast:
    """A ranker that ranks rows that came out well as another does, and failed ones behind them."""

    def __init__(self, ranker: Any, ok: NDArray[np.bool_]) -> None:
        self.ranker, self.good, self.failed = ranker, np.flatnonzero(ok), np.flatnonzero(~ok)

    def rank(self, emitter: Any, archive: Any, data: Any, info: Any) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """Indices, best first, and the values by row; all values equal where no row is good, which is a restart."""
        good, n = self.good, len(self.good) + len(self.failed)
        if len(good) == 0:
            return np.arange(n), np.zeros(n)
        cut = [{name: column[good] for name, column in columns.items()} for columns in (data, info)]
        order, ranked_by = self.ranker.rank(emitter, archive, *cut)
        values = np.empty((n, *ranked_by.shape[1:]), ranked_by.dtype)
        values[good], values[self.failed] = ranked_by, ranked_by[order[-1]]
        return np.concatenate([good[order], self.failed]), values

    def reset(self, emitter: Any, archive: Any) -> None:
        self.ranker.reset(emitter, archive)


class _NoElites:
    """An empty archive whose only parent is the emitter's start."""

    def __init__(self, archive: Any, start: NDArray[Any]) -> None:
        self._inner, self._start = archive, start

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def sample_elites(self, n: int) -> dict[str, NDArray[Any]]:
        """n times the start."""
        return {"solution": np.repeat(self._start[None], n, axis=0)}


def _tell_gradients(state: RibsState, rows: _Rows, evaluation: Evaluation, got: int) -> bool:
    """Hand out the gradients; whether every gradient arborescence has its own now."""
    from ribs.emitters import GradientArborescenceEmitter

    found = np.asarray(evaluation.columns["jacobian"], np.float64)  # (n, 1 + m, d)
    jacobian = np.zeros((len(rows.ok), *found.shape[1:]))
    usable = rows.ok.copy()
    usable[:got] &= np.isfinite(found).all(axis=(1, 2))
    jacobian[usable] = found[usable[:got]]
    complete = True
    for _, emitter, span in _asked(state.scheduler):
        if span.start == span.stop:
            continue
        if isinstance(emitter, GradientArborescenceEmitter) and not usable[span].all():
            complete = False
            if span.start < got:
                _restart(emitter, state)
            continue
        data, info = rows.part(span)
        emitter.tell_dqd(**data, jacobian=jacobian[span], add_info=info)
    return complete


def _restart(emitter: Any, state: RibsState) -> None:
    """Begin a gradient arborescence anew, as its own tell does."""
    if emitter.archive.empty:
        start = np.asarray(state.space.sample(1, generator(state.seed, "restart", state.generation)))[0]
    else:
        start = emitter.archive.sample_elites(1)["solution"][0]
    emitter._grad_opt.reset(start)
    emitter._opt.reset(np.zeros(emitter._num_coefficients))
    emitter._ranker.reset(emitter, emitter.archive)
    emitter._restarts += 1
