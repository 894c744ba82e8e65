"""What a run has to show that has not ended, or was cut off: read from its newest good checkpoint.

A summary, the archives, the best rows and a sample of positions, as they were then. The archives bear the names that
the search's state gives them; with the experiment at hand, those that it reports. Reading executes
nothing of the run's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from qd.codec import is_registered
from qd.contracts import Status
from qd.errors import CheckpointError, QDError
from qd.store.archive_file import StoredArchive, stored
from qd.store.checkpoint import checkpoints, peek, read_newest
from qd.store.files import RunFolder, read_json

if TYPE_CHECKING:
    from qd.experiment import Experiment

RunState = Literal["finished", "stopped", "going"]


@dataclass
class Unfinished:
    """A run as its newest checkpoint knows it.

    Args:
        summary: as in ``summary.json``, without what only the end knows (the digest).
        archives: by name.
        best: "role|purpose|fidelity" -> the best row there.
        positions: a sample of all ok evaluations.
        populations: what the search reports beside archives; only where the experiment is at hand.
    """

    summary: dict[str, Any]
    archives: dict[str, StoredArchive] = field(default_factory=dict)
    best: dict[str, dict[str, Any]] = field(default_factory=dict)
    positions: dict[str, Any] = field(default_factory=dict)
    populations: dict[str, Any] = field(default_factory=dict)


def state_of(folder: RunFolder) -> RunState:
    """``"finished"``; ``"stopped"`` by a signal, to be resumed; or ``"going"``, which one that was killed seems to be.

    A finished run that was taken up again with a higher budget is going.
    """
    if not folder.summary.is_file():
        return "going"
    summary = read_json(folder.summary)
    for file in checkpoints(folder.checkpoints):
        try:
            if peek(file)["recorder"]["requests"] > summary["generations"]:
                return "going"
            break
        except (CheckpointError, KeyError, TypeError):
            continue  # the summary is there, and says how the run ended
    return "finished" if summary.get("finished") else "stopped"


def read_unfinished(folder: RunFolder, experiment: Experiment | None = None) -> Unfinished:
    """The run as its newest good checkpoint has it.

    Raises:
        QDError: there is no good checkpoint.
    """
    config = read_json(folder.config)
    if not checkpoints(folder.checkpoints):
        raise QDError(f"{folder.path}: has no checkpoint and no summary, so there is nothing to read yet")
    tree = read_newest(folder.checkpoints)
    try:
        recorder, loop = tree["recorder"], tree["loop"]
        summary = _summary(config.get("settings") or {}, recorder, loop)
        found, populations, space = _reported(tree["state"], experiment)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise QDError(f"{folder.checkpoints}: the newest checkpoint is of another version: {error!r}; read it with the "
                      "version of qd that config.json names") from error  # fmt: skip
    archives = {name: stored(archive, space) for name, archive in found.items()}
    summary["archives"] = {name: len(archive) for name, archive in archives.items()}
    first = next(iter(found.values()), None)
    if first is not None:
        from qd.store.recorder import archive_scores

        summary["coverage"], summary["qd_score"] = archive_scores(first)
    cells = np.asarray(recorder["cells"])
    if summary["coverage"] is None and cells.size:  # as Recorder counts them on the problem's declared grid
        summary["coverage"] = float(np.isfinite(cells).mean())
        summary["qd_score"] = float(cells[np.isfinite(cells)].sum())
    return Unfinished(summary, archives, dict(recorder["best"]), dict(recorder["trace"]), populations)


def _summary(settings: dict[str, Any], recorder: dict[str, Any], loop: dict[str, Any]) -> dict[str, Any]:
    best = recorder["best"]
    key = "|search|" if "|search|" in best else next(iter(best), None)
    statuses = {status.name.lower(): int(recorder["by_status"][status]) for status in Status}
    seconds = float(loop["seconds"])
    return {
        "experiment": settings.get("name"),
        "algorithm": class_name(settings.get("algorithm")),
        "problem": class_name(settings.get("problem")),
        "seed": settings.get("seed"),
        "finished": False,
        "generations": recorder["requests"],
        "evaluations": recorder["evaluations"],
        "failed": recorder["failed"],
        "statuses": statuses,
        "cost": dict(recorder["cost"]),
        "seconds": round(seconds, 4),
        "evaluations_per_second": round(recorder["evaluations"] / seconds, 2) if seconds else 0.0,
        "coverage": None,
        "qd_score": None,
        "best_objective": None if key is None else float(best[key]["objective"]),
        "best": [
            dict(zip(("role", "purpose", "fidelity"), name.split("|", 2), strict=True))
            | {"objective": row["objective"], "measures": np.asarray(row["measures"]).tolist(), "id": row["id"]}
            for name, row in best.items()
        ],
    }


def class_name(described: Any) -> str | None:
    """``MapElites`` of what ``config.json`` says of an object."""
    path = described.get("class") if isinstance(described, dict) else described
    return str(path).rpartition(":")[2] if path else None


def _reported(state: dict[str, Any], experiment: Experiment | None) -> tuple[dict[str, Any], dict[str, Any], Any]:
    """Archives and populations by name, and the space of the measures."""
    if experiment is not None:
        algorithm, problem = experiment.algorithm, experiment.problem
        report = algorithm.report(algorithm.State(**state)).made()
        return dict(report.archives), dict(report.populations), problem.truth_space or problem.measure_space
    found: dict[str, Any] = {}
    _gather(state, found)
    return found, {}, None


def _gather(tree: Any, found: dict[str, Any], name: str = "archive") -> None:
    """All archives in a state, by the name of the field that holds them."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            _gather(value, found, str(key))
    elif hasattr(tree, "field_list") and is_registered(tree) and name not in found:
        found[name] = tree


__all__ = ["RunState", "Unfinished", "class_name", "read_unfinished", "state_of"]
