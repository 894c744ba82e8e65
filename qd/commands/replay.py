"""``qd replay``: an elite evaluated once more, whether it comes out as stored, and its episode as a file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from qd.errors import QDError
from qd.store.files import RunFolder
from qd.store.history import read_history


def replay(args: argparse.Namespace, rest: list[str]) -> int:
    """``qd replay RUN``."""
    from qd.again import evaluated_again, seed_of
    from qd.cli import DIFFERS
    from qd.loading import load
    from qd.view.replay_files import ending_of, marked_text, write_replay
    from qd.view.replaying import Replays
    from qd.view.scene import drawing_data

    folder = RunFolder(args.run)
    folder.check()
    if args.out is not None and Path(args.out).is_dir():
        raise QDError(f"--out {args.out}: is a folder; name a file in it that ends in .gif, .mp4, .png or .txt")
    result = load(args.run)
    elite, name = _elite(args, result)
    history = read_history(folder)
    number = int(elite.get("id", -1))
    seed = seed_of(result.experiment, history, number)
    lines, same = [_about(elite, number)], True
    if result.experiment is None:
        lines.append("not verified: the run's experiment cannot be loaded")
    else:
        reads = result.populations if _reads_context(result.problem) else None
        again = evaluated_again(result.experiment, history, elite, reads)
        same = again.same
        lines += _verdict(again)
    problem = None if result.experiment is None else result.problem
    replays = Replays(problem, drawing_data(result), result.populations)
    shown = replays.of(elite["solution"], seed, pictures=True)
    note = f"{_about(elite, number)}"
    for one in shown:
        if ending_of(one) == "txt" and args.out is None:
            lines.append(marked_text(one))  # type: ignore[arg-type]
            continue
        out = folder.path / "replays" / f"{name}.{ending_of(one)}" if args.out is None else Path(args.out)
        if args.out is not None and len(shown) > 1 and (out.suffix == ".txt") != (ending_of(one) == "txt"):
            continue
        count = write_replay(one, out, result.summary, note)
        lines.append(f"{out}: {count} frame{'' if count == 1 else 's'}" if ending_of(one) != "txt" else f"{out}")
    if not shown:
        lines.append(f"nothing to show: {replays.why}")
    if not args.quiet or not same:
        print("\n".join(lines))
    return 0 if same else int(DIFFERS)


def _elite(args: argparse.Namespace, result: Any) -> tuple[dict[str, Any], str]:
    """The elite that was asked for, and a name for its file."""
    if args.cell is not None:
        cell = _cell(args.cell)
        elite = result.elite(cell=cell, archive=args.archive)
        return elite, "cell-" + "-".join(map(str, np.atleast_1d(cell)))
    if args.id is not None:
        return result.elite(id=args.id, archive=args.archive), f"evaluation-{args.id}"
    if args.archive is not None:
        kept = result.archives.get(args.archive)
        if kept is None:
            from qd.errors import nearest

            raise QDError(f"--archive {args.archive}: not in this run, {nearest(args.archive, result.archives)}")
        objective = np.asarray(kept.fields.get("objective", ()), np.float64)
        if not len(objective) or "id" not in kept.fields:
            raise QDError(f"--archive {args.archive}: holds no elites whose evaluations are known")
        worth = objective if objective.ndim == 1 else objective.sum(axis=1)
        number = int(kept.fields["id"][np.nanargmax(worth)])
        return result.elite(id=number, archive=args.archive), f"best-{args.archive}"
    best = result.best
    return {**best, "objective": best.get("objectives", best["objective"])}, "best"


def _cell(text: str) -> int | tuple[int, ...]:
    """``"3,4"`` as a place in a grid, ``"17"`` as the number of a cell."""
    try:
        places = tuple(int(part) for part in text.replace(" ", "").split(","))
    except ValueError as error:
        raise QDError(f"--cell {text}: wanted places along the grid such as 3,4, or a cell's number") from error
    return places if len(places) > 1 else places[0]


def _reads_context(problem: Any) -> bool:
    from inspect import signature

    return any("context" in signature(method).parameters for method in (problem.render, problem.replay))


def _about(elite: dict[str, Any], number: int) -> str:
    values = ", ".join(f"{value:.6g}" for value in np.atleast_1d(np.asarray(elite["objective"], np.float64)))
    where = f"evaluation {number:,}" if number >= 0 else "an elite whose evaluation is not known"
    measures = np.atleast_1d(np.asarray(elite.get("measures", ()), np.float64))
    places = f", measures {', '.join(f'{value:.4g}' for value in measures[:4])}" if len(measures) else ""
    more = ", ..." if len(measures) > 4 else ""
    return f"{where}: objective {values}{places}{more}"


def _verdict(again: Any) -> list[str]:
    now = again.evaluation
    if again.same:
        known = (
            "objective and measures are" if again.measures is not None and len(again.measures) else "the objective is"
        )
        return [f"verified: {known} as stored, to the bit"]
    if not now.ok[0]:
        lines = [f"differs: it failed now: {now.reasons.get(0, 'no reason').strip().splitlines()[-1]}"]
    else:
        lines = [f"differs: now objective {now.objective[0]!r}, measures {now.measures[0].tolist()}"]
        if again.measures is not None:
            lines.append(f"         stored objective {again.objective.tolist()}, measures {again.measures.tolist()}")
    reasons = again.doubts or ("another machine, another version of a library, or a file that was changed",)
    return [*lines, *(f"perhaps: {reason}" for reason in reasons)]
