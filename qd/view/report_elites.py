"""The best elites of a run for its report: their numbers, and their genomes as text where they are one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.contracts import Problem
from qd.interchange.rows import as_stored, row_of
from qd.replay import Words
from qd.result import Result
from qd.space import Mask, Tokens
from qd.store.archive_file import StoredArchive
from qd.view.page import Html, code, heading, note, table

_TOP = 10
_MEASURES = 4  # with a column each
_GENES = 6  # shown of a long genome, at either end
_TEXT = 2000  # characters of a genome that is text


def best_elites(result: Result) -> list[Html]:
    """The section: the best of the first archive, else the best evaluations."""
    problem = result.experiment.problem if result.experiment is not None else None
    archive = next(iter(result.archives.values()), None) if _has_archives(result) else None
    kept = as_stored(archive, problem) if archive is not None else None
    if kept is None or not len(kept):
        return _best_rows(result, problem)
    objective = np.asarray(kept.fields["objective"], np.float64)
    worth = objective if objective.ndim == 1 else objective.sum(axis=tuple(range(1, objective.ndim)))
    order = np.argsort(-np.nan_to_num(worth, nan=-np.inf), kind="stable")[:_TOP]
    names = measure_names(kept)
    apart = len(names) <= _MEASURES
    head = ["", "objective" if objective.ndim == 1 else "objectives", *(names if apart else ["measures"])]
    keys = [key for key in ("index", "id") if key in kept.fields]
    head += [{"index": "cell", "id": "evaluation"}[key] for key in keys]
    rows = []
    for place, row in enumerate(order):
        elite = row_of(kept, int(row))
        measured = [f"{float(value):.4g}" for value in np.atleast_1d(elite["measures"])] if names else []
        rows.append([
            str(place + 1), _numbers(elite["objective"]), *(measured if apart else [", ".join(measured)]),
            *(_cell(kept, key, elite[key]) for key in keys), genome(problem, elite.get("solution")),
        ])  # fmt: skip
    kinds = [*("text" if title == "measures" else "number" for title in head), "text"]
    several = f" of {len(kept):,}" if len(kept) > len(order) else ""
    parts = [heading("Best elites"), note(f"The best {len(order)}{several} by objective.")]
    if not apart:
        parts.append(note(f"Measures: {', '.join(names)}."))
    return [*parts, table(rows, [*head, "solution"], kinds)]


def _has_archives(result: Result) -> bool:
    try:
        return bool(result.archives)
    except ValueError:  # the run ended before it wrote them, or the file is damaged: the rest is worth showing
        return False


def _best_rows(result: Result, problem: Problem | None) -> list[Html]:
    """Of a search without an archive: the best row of each purpose."""
    try:
        best = result.best
    except ValueError:
        return [heading("Best elites"), note("There are none: no evaluation came out well.")]
    measures = ", ".join(f"{float(value):.4g}" for value in np.atleast_1d(best.get("measures", ())))
    rows = [("objective", _numbers(best["objective"])), ("measures", measures), ("evaluation", str(best["id"])),
            ("solution", genome(problem, best["solution"]))]  # fmt: skip
    return [heading("Best solution"), table([row for row in rows if row[1]], kinds=("name", "text"))]


def measure_names(kept: StoredArchive) -> list[str]:
    """The measures' own names where they are known, else numbered."""
    m = kept.fields["measures"].shape[1] if "measures" in kept.fields and kept.fields["measures"].ndim == 2 else 0
    declared = (kept.meta.get("measures") or {}).get("names") or []
    return [str(name) for name in declared] if len(declared) == m else [f"measure {j}" for j in range(m)]


def _cell(kept: StoredArchive, key: str, value: Any) -> str:
    dims = kept.meta.get("dims")
    if key == "index" and dims is not None and 0 <= int(value) < int(np.prod(dims)):
        return str(tuple(int(part) for part in np.unravel_index(int(value), dims)))
    return f"{int(value):,}"


def _numbers(value: Any) -> str:
    found = np.asarray(value, np.float64).ravel()
    return ", ".join(f"{number:.6g}" for number in found[:8])


def genome(problem: Problem | None, solution: Any) -> Html | str:
    """A solution for reading: its text or formula where it has one, else its genes, the middle left out."""
    if solution is None:
        return ""
    text = solution_text(problem, np.asarray(solution))
    if text is not None:
        return code(text if len(text) <= _TEXT else f"{text[:_TEXT]} ...")
    genes = np.asarray(solution).ravel()
    shown = [f"{gene:.3g}" if genes.dtype.kind == "f" else str(gene) for gene in genes]
    if len(shown) > 2 * _GENES + 1:
        shown = [*shown[:_GENES], "...", *shown[-_GENES:]]
    return f"[{' '.join(shown)}] ({len(genes)})"


def solution_text(problem: Problem | None, solution: NDArray[Any]) -> str | None:
    """What a solution says, where it is a text, a prompt or a reward's formula; None where it is numbers."""
    if solution.dtype == np.uint8 and solution.ndim == 1:  # as qd.Texts has them
        try:
            return "\n".join(part.decode() for part in solution.tobytes().split(b"\xff"))
        except UnicodeDecodeError:
            return None
    if problem is None:
        return None
    try:
        if callable(formula := getattr(getattr(problem, "reward", None), "formula", None)):
            return str(formula(solution))
        if isinstance(problem.solution_space, Mask | Tokens):  # others' replays are episodes, and take their time
            seen = problem.replay(solution, 0)
            return seen.text if isinstance(seen, Words) else None
    except Exception:  # a problem that cannot say it must not cost the report
        return None
    return None


__all__ = ["best_elites", "genome", "measure_names", "solution_text"]
