"""``qd compare``: runs beside each other, as a table and figures."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from qd.comparison.compared import Comparison, Settings, compare
from qd.comparison.courses import REFERENCE, Course, read_courses
from qd.comparison.tables import FORMS, markdown
from qd.errors import QDError
from qd.store.files import write_atomic


def compare_runs(args: argparse.Namespace, rest: list[str]) -> int:
    """``qd compare RUN...``."""
    beside = [name if name.startswith(REFERENCE) else f"{REFERENCE}{name}" for name in args.beside]
    courses = read_courses([*args.runs, *beside])
    out = Path(args.out) if args.out is not None else default_folder(courses)
    usable(out)
    made = compare(courses, settings_of(args))
    for file in written(made, out, plots=args.plots is not False):
        if args.verbose:
            print(file)
    if not args.quiet:
        print(markdown(made), end="")
        print(f"\nfolder {out}")
    return 0


def settings_of(args: argparse.Namespace) -> Settings:
    """What the command line says of how to compare."""
    metrics = tuple(name.strip() for given in args.metric for name in given.split(",") if name.strip())
    at = None
    if args.at is not None:
        try:
            at = float(args.at)
        except ValueError:
            raise QDError(f"--at {args.at}: wanted a number of {args.over}") from None
    return Settings(metrics=metrics, over=args.over, at=at, baseline=args.baseline, by=args.by)


def default_folder(courses: Sequence[Course]) -> Path:
    """``compare`` in the first folder that all runs lie in; where there are references alone, here."""
    parents = [str(Path(course.name).resolve().parent) for course in courses if not course.reference]
    return Path(os.path.relpath(os.path.commonpath(parents))) / "compare" if parents else Path("compare")


def usable(out: Path) -> None:
    """Make the folder. Raises QDError where it holds a run, or cannot be written."""
    if (out / "config.json").exists():
        raise QDError(f"--out {out}: holds a run; name another folder")
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / ".probe"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise QDError(f"--out {out}: cannot be written: {error.strerror or error}") from error


def written(made: Comparison, out: Path, plots: bool = True) -> list[Path]:
    """Write the table in all forms and draw the figures; returns the files."""
    files = []
    for ending, form in FORMS.items():
        files.append(out / f"table.{ending}")
        write_atomic(files[-1], form(made), sync=False)
    if plots:
        from qd.view.compare_plots import draw

        files += draw(made, out)
    return files
