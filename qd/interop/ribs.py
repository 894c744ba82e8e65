"""pyribs' archives in our loop: made from a problem, sampled by address, kept in checkpoints.

The rest of the framework meets pyribs' archives only through their public interface; restoring one to the bit
needs its store, and that happens here alone (ribs >= 0.12, < 0.13).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ribs.archives import CVTArchive, GridArchive

from qd.codec import register

_STORED = ("dims", "centroids", "learning_rate", "threshold_min", "qd_score_offset")


def cvt_archive(
    solution_dim: int,
    centroids: int,
    ranges: list[tuple[float, float]],
    samples: int,
    seed: int,
    **fields: Any,
) -> CVTArchive:
    """A CVT archive (Vassiliades, Chatzilygeroudis and Mouret 2018) whose centroids depend on the seed alone.

    Args:
        solution_dim: genes a solution.
        centroids: cells.
        ranges: (low, high) a measure.
        samples: points that k-means places the centroids by; it is slow, 10,000 do well up to 1,000 cells.
        seed: of the points and of k-means.
        fields: handed on to ``ribs.archives.CVTArchive``.
    """
    settings = {"n_init": 1, "random_state": seed % 2**32}
    return CVTArchive(
        solution_dim=solution_dim, centroids=centroids, ranges=ranges, samples=samples, seed=seed,
        k_means_kwargs=settings, **fields,
    )  # fmt: skip


def sample(archive: Any, n: int, rng: np.random.Generator) -> dict[str, Any]:
    """``archive.sample_elites`` with an addressed generator in place of the one that the archive keeps."""
    archive._rng = rng
    return dict(archive.sample_elites(n))


def _dump(archive: Any) -> dict[str, Any]:
    store = archive._store
    order = np.asarray(store.occupied_list)
    settings = {name: getattr(archive, name) for name in _STORED if hasattr(archive, name)}
    return {
        "settings": {k: v if isinstance(v, np.ndarray) else float(v) for k, v in settings.items()},
        "ranges": np.stack([archive.lower_bounds, archive.upper_bounds], axis=1),
        "solution_dim": archive.solution_dim,
        "fields": {k: [list(shape), np.dtype(dtype).str] for k, (shape, dtype) in store.field_desc.items()},
        "order": order,
        "columns": {name: values[order] for name, values in store._fields.items()},
        "objective_sum": np.asarray(archive._objective_sum),
        "best": dict(archive._best_elite) if archive._best_elite is not None else None,
        "obj_max": None if archive.stats.obj_max is None else np.asarray(archive.stats.obj_max),
    }


def _load(kind: Any) -> Any:
    own = ("solution", "objective", "measures", "threshold")

    def load(state: dict[str, Any]) -> Any:
        fields = {k: (tuple(shape), np.dtype(dtype)) for k, (shape, dtype) in state["fields"].items()}
        settings = dict(state["settings"])
        dim = state["solution_dim"]
        archive = kind(
            solution_dim=tuple(dim) if isinstance(dim, tuple | list) else dim,
            ranges=state["ranges"],
            **{f"{name}_dtype": fields[name][1] for name in own[:3]},
            extra_fields={name: desc for name, desc in fields.items() if name not in own},
            **settings,
        )
        store, order = archive._store, state["order"]
        store._props["occupied"][order] = True
        store._props["occupied_list"][: len(order)] = order
        store._props["n_occupied"] = len(order)
        for name, values in state["columns"].items():
            store._fields[name][order] = values
        if state["best"] is not None:
            archive._best_elite = state["best"]
            archive._objective_sum = state["objective_sum"]
            _restore_stats(archive, state["obj_max"])
        return archive

    return load


def _restore_stats(archive: Any, obj_max: Any) -> None:
    """The statistics of an archive whose elites and sum are back, by pyribs' own formulas."""
    dtype = archive.dtypes["objective"]
    count = len(archive)
    score = archive._objective_sum - np.asarray(count, dtype=dtype) * archive._qd_score_offset
    archive._stats = type(archive._stats)(
        num_elites=count,
        coverage=np.asarray(count / archive.cells, dtype=dtype),
        qd_score=score,
        norm_qd_score=np.asarray(score / archive.cells, dtype=dtype),
        obj_max=obj_max,
        obj_mean=archive._objective_sum / np.asarray(count, dtype=dtype),
    )


for _kind in (CVTArchive, GridArchive):
    register(f"{_kind.__module__}:{_kind.__qualname__}", f"ribs.{_kind.__name__}", _dump, _load(_kind))
