"""summary.json: what a run came to, in numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qd.algorithm import Report
from qd.evaluate import Evaluator
from qd.experiment import Experiment
from qd.store.digest import final
from qd.store.recorder import Recorder, archive_scores


def summarised(
    experiment: Experiment,
    evaluator: Evaluator,
    recorder: Recorder,
    report: Report,
    *,
    finished: bool,
    seconds: float,
    setup: float,
    traffic: Sequence[int],
    chain: bytes,
) -> dict[str, Any]:
    """The summary of a run.

    Args:
        experiment, evaluator: what ran, and where. recorder: what it remembers. report: of the search, made.
        finished: it came to its own end. seconds, setup: searching, and before it. traffic: bytes to and from ranks.
        chain: of the digest, over the told requests.
    """
    archive = next(iter(report.archives.values()), None)
    coverage, qd_score = archive_scores(archive) if archive is not None else (None, None)
    statuses = dict(zip(("ok", "failed", "timed_out", "invalid"), recorder.by_status, strict=True))
    return {
        "experiment": experiment.name,
        "algorithm": experiment.algorithm.name,
        "problem": experiment.problem.name,
        "seed": experiment.seed,
        "ranks": evaluator.ranks,
        "evaluator": evaluator.description,
        "finished": finished,
        "generations": recorder.requests,
        "evaluations": recorder.evaluations,
        "failed": recorder.failed,
        "statuses": statuses,
        "cost": recorder.cost,
        "seconds": round(seconds, 4),
        "setup_seconds": round(setup, 4),
        "bytes_sent": traffic[0],
        "bytes_received": traffic[1],
        "evaluations_per_second": round(recorder.evaluations / seconds, 2) if seconds else 0.0,
        "coverage": recorder.coverage if coverage is None else coverage,
        "qd_score": recorder.qd_score if qd_score is None else qd_score,
        "best_objective": recorder.best_objective,
        **recorder.truths,
        "best": [
            dict(zip(("role", "purpose", "fidelity"), key.split("|", 2), strict=True))
            | {"objective": best["objective"], "measures": best["measures"].tolist(), "id": best["id"]}
            | ({"objectives": best["objectives"].tolist()} if len(experiment.problem.objectives) > 1 else {})
            for key, best in recorder.best.items()
        ],
        **({"objectives": list(experiment.problem.objectives)} if len(experiment.problem.objectives) > 1 else {}),
        "archives": {name: len(kept) for name, kept in report.archives.items()},
        "metrics": dict(report.metrics),
        **({"discovery": recorder.discovery.summary()} if recorder.discovery else {}),
        "digest": final(chain, report.archives),
        "digest_promised": recorder.by_status[2] == 0,  # wall-clock time-outs are not reproducible
    }


__all__ = ["summarised"]
