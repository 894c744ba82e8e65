"""Where a search's measures come from: the problem, or an encoder that learns from observations as the search goes."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from qd.algorithms._members import Members
from qd.behavior import Encoder
from qd.codec import encode
from qd.contracts import Evaluation, Problem, Request
from qd.errors import QDError, nearest
from qd.rng import generator

log = logging.getLogger("qd")

_VIEWS = 16  # of the space that are kept
_SHOWN = 6  # observations whose reconstructions are kept
_COLLAPSED = 1e-9  # standard deviation of all measures below which a space is a point


class Settings(Protocol):
    """What a search says about its space."""

    @property
    def name(self) -> str: ...
    @property
    def encoder(self) -> Encoder | None: ...
    @property
    def observation(self) -> str: ...


@dataclass
class SpaceState:
    """What an encoder has learned, and when it learns next."""

    learned: dict[str, Any] = field(default_factory=dict)
    shape: list[int] | None = None  # of one observation
    trainings: int = 0
    rolled_back: int = 0
    error: float = float("nan")  # of the last training
    spread: float = float("nan")  # mean standard deviation of the measures after it
    waited: int = 0  # chunks since the last training
    interval: int = 1  # chunks until the next
    unseen: int = 0  # rows whose observation could not be encoded
    views: list[dict[str, Any]] = field(default_factory=list)  # what the space looked like after some trainings


def check(owner: Settings, problem: Problem) -> None:
    """Refuse an encoder without its observations, and no encoder without measures."""
    if owner.encoder is None:
        if problem.measure_space is None:
            raise QDError(f"{owner.name}: {problem.name} declares no measures; give it a measure_space, or the search "
                          "an encoder")  # fmt: skip
        return
    if owner.observation not in problem.columns:
        raise QDError(f"{owner.name}.observation: {problem.name} offers no column {owner.observation!r}, "
                      f"{nearest(owner.observation, problem.columns)}")  # fmt: skip
    owner.encoder.check()


def columns(owner: Settings) -> tuple[str, ...]:
    """What requests must ask for."""
    return () if owner.encoder is None else (owner.observation,)


def members(
    owner: Settings,
    space: SpaceState,
    seed: int,
    request: Request,
    evaluation: Evaluation,
    rows: NDArray[np.bool_] | None = None,
) -> Members:
    """The rows that came out well, with measures and surprise; those that the encoder makes nothing of are left out.

    ``rows``: (n,) which rows are wanted; all by default.
    """
    ok = evaluation.ok if rows is None else evaluation.ok & rows
    solutions, ids = np.asarray(request.solutions)[ok], request.ids[ok]
    objective = evaluation.objective[ok]
    if owner.encoder is None:
        measures = evaluation.measures[ok]
        none = np.empty((len(ids), 0), np.uint8)
        return Members(solutions, objective, measures, np.zeros(len(ids)), ids, none)
    observations = evaluation.columns[owner.observation][ok] if ok.any() else np.empty((0,))
    if len(ids) == 0:
        m = 0 if space.shape is None else owner.encoder.size(tuple(space.shape))
        seen = np.empty((0, *(space.shape or ())))
        return Members(solutions, objective, np.empty((0, m)), np.empty(0), ids, seen)
    _open(owner, space, seed, observations)
    measures, surprise = describe(owner, space, observations)
    fine = np.isfinite(measures).all(axis=1) & np.isfinite(surprise)
    space.unseen += int(np.count_nonzero(~fine))
    born = Members(solutions, objective, measures, surprise, ids, observations)
    return born if fine.all() else born.rows(fine)


def _open(owner: Settings, space: SpaceState, seed: int, observations: NDArray[Any]) -> None:
    assert owner.encoder is not None
    shape = observations.shape[1:]
    if space.shape is None:
        space.learned = owner.encoder.init(shape, generator(seed, "encoder"))
        space.shape = list(shape)
    elif list(shape) != space.shape:
        raise QDError(f"{owner.name}.observation: {owner.observation!r} had rows of shape {tuple(space.shape)}, now "
                      f"{shape}; an encoder needs one shape: pad or cut in the problem")  # fmt: skip


def describe(
    owner: Settings, space: SpaceState, observations: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n, m) measures and (n,) surprise by what is learned."""
    assert owner.encoder is not None
    return owner.encoder.describe(space.learned, observations)


def see_anew(owner: Settings, space: SpaceState, rows: Members | None) -> None:
    """New measures and surprise of members that keep their observations, in place."""
    if rows is not None and len(rows) and owner.encoder is not None:
        rows.measures, rows.surprise = describe(owner, space, rows.observations)


def due(space: SpaceState, schedule: Literal["triangular", "every"]) -> bool:
    """Whether a training follows the chunk that just ended: after chunks 1, 3, 6, 10 ... or every ``interval``."""
    space.waited += 1
    if space.waited < space.interval:
        return False
    space.waited = 0
    if schedule == "triangular":
        space.interval += 1
    return True


def train(owner: Settings, space: SpaceState, seed: int, observations: NDArray[Any]) -> None:
    """Train the encoder on (n, ...) observations. The caller encodes anew what it holds."""
    assert owner.encoder is not None
    outcome = owner.encoder.fit(space.learned, observations, generator(seed, "encoder training", space.trainings))
    space.trainings += 1
    if outcome.rolled_back:
        space.rolled_back += 1
        log.warning("training %d of the encoder came to numbers that are not finite: it was rolled back; lower its "
                    "learning rate if this goes on", space.trainings)  # fmt: skip
    else:
        space.error = outcome.error


def watch(owner: Settings, space: SpaceState, measures: NDArray[np.float64], ids: NDArray[np.int64]) -> None:
    """Note what the space looks like after a training, by who is kept: (n, m) measures and (n,) evaluation numbers."""
    space.spread = float(measures.std(axis=0).mean()) if len(measures) else float("nan")
    if space.spread < _COLLAPSED:
        log.warning("%s: after training %d all observations have the same measures: novelty says nothing; are the "
                    "observations all alike?", owner.name, space.trainings)  # fmt: skip
    space.views.append({"training": space.trainings, "ids": ids.copy(), "places": projected(measures)})
    if len(space.views) > _VIEWS:  # the first and the last stay, and what lies evenly between them
        del space.views[1::2]


def projected(measures: NDArray[np.float64]) -> NDArray[np.float32]:
    """(n, 2) measures (n, m) along the two directions in which they vary most, for pictures."""
    flat: NDArray[np.float32] = np.zeros((len(measures), 2), np.float32)
    if len(measures) > 1:
        centred = measures - measures.mean(axis=0)
        _, vectors = np.linalg.eigh(centred.T @ centred)
        axes = vectors[:, ::-1][:, :2]
        flat[:, : axes.shape[1]] = centred @ axes
    return flat


def kept(owner: Settings, space: SpaceState, archive: Any) -> dict[str, Any]:
    """Populations for the report: what is learned, views of the space, some observations and what comes back."""
    encoder = owner.encoder
    if encoder is None or space.shape is None:
        return {}
    views = space.views
    found: dict[str, Any] = {"encoder": lambda: np.frombuffer(encode(space.learned), np.uint8)}
    if views:
        found["space_training"] = np.concatenate([np.full(len(view["ids"]), view["training"]) for view in views])
        found["space_id"] = np.concatenate([view["ids"] for view in views])
        found["space_place"] = np.concatenate([view["places"] for view in views])
    if archive is not None and len(archive):
        rows = np.linspace(0, len(archive) - 1, min(_SHOWN, len(archive))).astype(int)
        shown = archive.column("observations")[rows]
        found |= {"observed": shown, "reconstructed": lambda: _given_back(encoder, space, shown)}
    return found


def _given_back(encoder: Encoder, space: SpaceState, shown: NDArray[Any]) -> NDArray[np.float64]:
    back = encoder.reconstruct(space.learned, shown)
    return np.empty(0) if back is None else back


def metrics(owner: Settings, space: SpaceState) -> dict[str, float]:
    """Columns for metrics.csv; none without an encoder."""
    if owner.encoder is None:
        return {}
    return {
        "trainings": space.trainings,
        "trainings_rolled_back": space.rolled_back,
        "encoder_error": space.error,
        "latent_spread": space.spread,
        "unencoded": space.unseen,
    }
