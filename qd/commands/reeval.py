"""``qd reeval``: the elites of a run under fresh noise."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from qd.errors import QDError, nearest
from qd.store.files import RunFolder, write_json


def reeval(args: argparse.Namespace, rest: list[str]) -> int:
    """``qd reeval RUN``; on every rank of an MPI job."""
    from qd.evaluate.connect import connect
    from qd.loading import experiment_of
    from qd.reeval import reevaluated
    from qd.result import Result

    folder = RunFolder(args.file)
    folder.check()
    experiment = experiment_of(args.file)
    out = folder.path if args.out is None else Path(args.out)
    result = Result.load(args.file, experiment)
    archives = result.archives
    if not archives:
        raise QDError(f"{folder.path}: this search keeps no archive, so there is nothing to evaluate again")
    name = next(iter(archives)) if args.archive is None else args.archive
    if name not in archives:
        raise QDError(f"--archive {name}: not in this run, {nearest(name, archives)}")
    repeats = args.repeats
    note = ""
    if experiment.problem.deterministic and repeats > 1:
        repeats, note = 1, f"{experiment.problem.name} is deterministic: repeats change nothing, so one is made"
    evaluator = connect(experiment.problem, replace(experiment.evaluator, kind=_kind(experiment)))
    if evaluator is None:
        return 0
    bar = _Bar(len(archives[name]) * repeats, args.quiet)
    try:
        found = reevaluated(name, archives[name], evaluator, repeats, args.seed, bar.show)
    finally:
        bar.close()
        evaluator.close()
    try:
        out.mkdir(parents=True, exist_ok=True)
        write_json(out / "reeval.json", {**found.summary(), "seed": args.seed, "run": folder.path.name})
    except OSError as error:
        raise QDError(f"--out {out}: cannot be written: {error.strerror or error}") from error
    from qd.view.reeval_plot import plot

    picture = plot(found, archives[name], result, (out / "plots" if args.out is None else out) / "reeval.png")
    if not args.quiet:
        print("\n".join([*([note] if note else []), *in_words(found), f"{out / 'reeval.json'}", f"{picture}"]))
    return 0


def _kind(experiment: Any) -> Any:
    """Where fitness runs is decided by how this is launched, but child processes stay."""
    from qd.launcher import launched_size

    return "processes" if experiment.evaluator.kind == "processes" and launched_size() < 2 else "auto"


def in_words(found: Any) -> list[str]:
    """The numbers for people."""
    lines = [f"{found.elites:,} elites of {found.archive!r}, {found.repeats} new evaluations each"
             + (f", {found.failed:,} failed" if found.failed else "")]  # fmt: skip
    if found.coverage is not None:
        lines += [
            f"coverage         {found.coverage[0]:8.1%} stored, {found.coverage[1]:8.1%} corrected",
            f"QD score         {found.qd_score[0]:8.6g} stored, {found.qd_score[1]:8.6g} corrected",
            f"reproducibility  {found.reproducibility:8.1%} of evaluations fall into the elite's own cell; "
            f"{found.stayed:.1%} of elites have their mean there",
        ]
    drop, low, high = found.drop
    lines += [
        f"objective        {drop:+.4g} above its new mean [{low:+.4g}, {high:+.4g}], slope {found.slope:.3g}",
        f"spread           objective {found.objective_sd:.4g}, measures {found.measures_sd:.2%} of their range",
    ]
    return lines


class _Bar:
    """How far the evaluations are, on a terminal."""

    def __init__(self, total: int, quiet: bool) -> None:
        import sys

        from tqdm import tqdm

        self._bar = tqdm(total=total, unit=" eval", unit_scale=True, disable=quiet or not sys.stderr.isatty())

    def show(self, done: int) -> None:
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        self._bar.close()
