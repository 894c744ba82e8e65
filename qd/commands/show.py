"""``qd plot``, ``qd report``, ``qd digest`` and ``qd export``: what a run left behind. Nothing of it is executed."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from qd.errors import CheckpointError, QDError
from qd.result import Result
from qd.store.checkpoint import checkpoints, read_newest
from qd.store.files import RunFolder, read_json


def plot(args: argparse.Namespace, rest: list[str]) -> int:
    """``qd plot RUN``."""
    _summary(args.run)
    for file in Result.load(args.run).plot(args.out):
        print(file)
    return 0


def report(args: argparse.Namespace, rest: list[str]) -> int:
    """``qd report RUN``."""
    result = Result.load(args.run)
    folder = RunFolder(args.run)
    if args.plots or (args.plots is None and result.state == "finished" and not any(folder.plots.glob("*.png"))):
        result.plot()
    print(result.report(args.out))
    return 0


def digest(args: argparse.Namespace, rest: list[str]) -> int:
    """``qd digest RUN``."""
    summary = _summary(args.run)
    folder = RunFolder(args.run)
    if not summary.get("finished") or _gone_on(folder):
        raise QDError(
            f"{folder.path}: is not finished, so its digest is not the run's; go on with: qd resume {folder.path}"
        )
    print(summary["digest"])
    return 0


def _gone_on(folder: RunFolder) -> bool:
    """Whether a run whose summary says finished was taken up again with a higher budget."""
    if not checkpoints(folder.checkpoints):
        return False
    try:
        return not read_newest(folder.checkpoints)["loop"]["finished"]
    except (CheckpointError, KeyError, TypeError):
        return False


def export(args: argparse.Namespace, rest: list[str]) -> int:
    """``qd export RUN``."""
    from qd.store.archive_file import StoredArchive, read_archives
    from qd.store.export import FORMATS, elites, write_table

    folder = RunFolder(args.run)
    folder.check()
    out = None if args.out is None else Path(args.out)
    form = args.format
    if form is None:
        ending = "" if out is None else out.suffix.removeprefix(".")
        form = ending if ending in FORMATS else "csv"
    archives = read_archives(folder.archive)
    if not archives:
        raise QDError(f"{folder.archive}: this search keeps no archive, so there are no elites to export")
    name = next(iter(archives)) if args.archive is None else args.archive
    if name not in archives:
        from qd.errors import nearest

        raise QDError(f"--archive {name}: not in this run, {nearest(name, archives)}")
    stem = "elites" if args.archive is None else f"elites-{name}"
    kept = archives[name]
    if form == "qdax":
        from qd.interchange.repertoires import write_repertoire

        out = write_repertoire(kept, out or folder.path / f"{stem}-qdax")
    else:
        if form == "ribs":  # its data frame numbers the measures
            form, stem = "csv", f"{stem}-ribs"
            kept = StoredArchive(kept.kind, kept.fields, {**kept.meta, "measures": None})
        out = out or folder.path / f"{stem}.{form}"
        write_table(elites(kept), out, form)
    print(f"{out}: {len(archives[name])} elites")
    return 0


def _summary(run: str) -> dict[str, Any]:
    """summary.json. Raises QDError where the run has not come to an end yet."""
    folder = RunFolder(run)
    folder.check()
    if not folder.summary.exists():
        raise QDError(
            f"{folder.path}: has not ended yet; see qd info {folder.path}, or go on with: qd resume {folder.path}"
        )
    summary: dict[str, Any] = read_json(folder.summary)
    return summary
