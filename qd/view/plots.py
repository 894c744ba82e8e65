"""The pictures of a run: archives, positions, metrics and the best solution, for a README or a paper."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from qd.errors import QDError, nearest
from qd.result import Result
from qd.store.files import write_atomic
from qd.view.style import DPI, style

log = logging.getLogger("qd")

_FORMATS = ("pdf", "png", "svg")


def plot_result(result: Result, out: str | Path | None = None, format: str = "png") -> list[Path]:
    """Draw a run's pictures; returns the files written, nothing on a worker rank.

    ``archive_NAME`` for each archive, ``objectives_NAME`` for each with several objectives, ``positions``,
    ``metrics``, and ``solution`` where the problem can draw itself and the result knows its experiment. Where a search
    has them: ``emitters`` and what they found, the learned ``space`` through time, ``reconstructions`` of observations,
    ``curves`` of novelty, surprise and reward areas. Of a search that leaves out tokens: the ``prompt``,
    ``prompt_lengths``, ``prompt_map``, ``prompt_lineage``, and ``prompt_influence``, which ClaPS has too. Of a search
    over rewards: ``success``, and ``sketches`` of what they teach. Without one good evaluation there is only
    ``metrics``.

    Args:
        result: live, or of ``Result.load``.
        out: the folder; by default ``plots/`` in the run's folder, or here for a run kept in memory.
        format: ``"png"`` (150 dpi), ``"pdf"`` or ``"svg"``.

    Raises:
        QDError: an unknown format, or a folder that cannot be written, before anything is drawn.
    """
    if not result.root:
        return []
    if format not in _FORMATS:
        raise QDError(f"format: got {format!r}, {nearest(str(format), _FORMATS)}")
    folder = Path(out) if out is not None else (result.path or Path()) / "plots"
    _writable(folder)
    written = []
    with style():
        for name, fig, settings in _figures(result):
            path = folder / f"{name}.{format}"
            _save(fig, path, format, settings)
            written.append(path)
    return written


def plot_run(path: str | Path, out: str | Path | None = None, format: str = "png") -> list[Path]:
    """Draw the pictures of the run in a folder, from its files alone: nothing in them is executed.

    Args and errors as in ``plot_result``; QDError too where the folder holds no finished run.
    """
    return plot_result(Result.load(path), out, format)


def _figures(result: Result) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """(file name, figure, settings for saving), one after the other, so that only one is in memory."""
    from qd.view.archive_plots import archive_figure, elites_of
    from qd.view.pareto_plots import cells_of, front_figure, fronts_of
    from qd.view.run_plots import metrics_figure, positions_figure, solution_figure
    from qd.view.scene import scene_of
    from qd.view.space_axes import measure_axes

    summary = result.summary
    if (summary.get("statuses") or {"ok": 1}).get("ok"):
        known, scene = measure_axes(result), scene_of(result)
        taken: set[str] = set()
        for name, archive in result.archives.items():
            fronts = fronts_of(archive)
            elites = elites_of(archive) if fronts is None else cells_of(fronts)
            if fronts is not None:
                objectives = tuple(summary.get("objectives", ()))
                yield _file_name(name, taken, "objectives"), front_figure(name, fronts, objectives, summary), {}
                if elites is None:
                    continue
            if elites is None:
                log.info("no picture of archive %r: %s has no measures", name, type(archive).__name__)
                continue
            yield _file_name(name, taken), archive_figure(name, elites, known, scene, summary), {}
        positions = result.positions
        if len(positions.get("measures", ())):
            yield "positions", positions_figure(positions, known, scene, summary), {}
            yield from _space_figures(result, known, scene)
        yield from _prompt_figures(result, known)
        yield from _reward_figures(result, known)
    yield "metrics", metrics_figure(result.metrics, summary), {}
    if (summary.get("statuses") or {"ok": 1}).get("ok"):
        drawn = solution_figure(result)
        if drawn is not None:
            yield "solution", drawn, {"bbox_inches": "tight", "pad_inches": 0.1}


def _space_figures(result: Result, known: Any, scene: Any) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Pictures of emitters and of a learned space, where the search has them."""
    from qd.view.space_plots import curves_figure, emitters_figure, space_figure

    summary, positions, kept = result.summary, result.positions, result.populations
    found = {
        "emitters": lambda: emitters_figure(positions, known, scene, summary),
        "space": lambda: space_figure(kept, positions, known, scene, summary),
        "reconstructions": lambda: _reconstructions(kept, summary),
        "curves": lambda: curves_figure(result.metrics, summary),
    }
    for name, draw in found.items():
        if (drawn := draw()) is not None:
            yield name, drawn, {}


def _prompt_figures(result: Result, known: Any) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Pictures of a search that leaves out tokens of a prompt."""
    from qd.view.prompt_runs import PrunedRun, word_influence

    if (words := word_influence(result)) is not None:
        yield "prompt_influence", words, {}
    run = PrunedRun.of(result, known)
    if run is None:
        return
    found = {"prompt": run.prompt, "prompt_lengths": run.lengths, "prompt_map": run.map,
             "prompt_influence": run.influence, "prompt_lineage": run.lineage}  # fmt: skip
    for name, draw in found.items():
        if (drawn := draw()) is not None:
            yield name, drawn, {}


def _reward_figures(result: Result, known: Any) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Pictures of a search over rewards."""
    from qd.view.reward_plots import selected_curves, sketch_map

    for name, drawn in (("success", selected_curves(result)), ("sketches", sketch_map(result, known))):
        if drawn is not None:
            yield name, drawn, {}


def _reconstructions(kept: Any, summary: Any) -> Any | None:
    """The last picture of some episodes beside what the encoder gives back; None where there are no pictures."""
    from qd.view.space_plots import reconstruction_figure

    seen, back = np.asarray(kept.get("observed", ())), np.asarray(kept.get("reconstructed", ()))
    if not back.size or seen.dtype != np.uint8 or seen.shape[-1:] != (3,) or seen.ndim not in (4, 5):
        return None
    if seen.ndim == 5:
        seen, back = seen[:, -1], back[:, -1]
    for axis in (1, 2):  # an encoder may look at smaller pictures
        back = np.repeat(back, seen.shape[axis] // back.shape[axis], axis=axis)
    return reconstruction_figure(
        seen, back, summary, "the last picture of some episodes; mean squared error under each"
    )


def _file_name(name: str, taken: set[str], kind: str = "archive") -> str:
    """``archive_NAME`` with what a file name may hold, and no name twice."""
    base = f"{kind}_" + (re.sub(r"[^\w.-]+", "_", name)[:80].strip("._") or "unnamed")
    found, number = base, 2
    while found.lower() in taken:
        found, number = f"{base}_{number}", number + 1
    taken.add(found.lower())
    return found


def _writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomic(folder / ".probe", b"", sync=False)
        (folder / ".probe").unlink()
    except OSError as error:
        raise _unwritable(folder, error) from error


def _save(fig: Any, path: Path, format: str, settings: dict[str, Any]) -> None:
    metadata = {"png": {"Software": None}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}[format]
    buffer = io.BytesIO()
    fig.savefig(buffer, format=format, dpi=DPI, metadata=metadata, **settings)
    try:
        write_atomic(path, buffer.getvalue(), sync=False)
    except OSError as error:
        raise _unwritable(path.parent, error) from error


def _unwritable(folder: Path, error: OSError) -> QDError:
    why = error.strerror or error
    return QDError(f"{folder}: plots cannot be written there: {why}; name another folder with out=")


__all__ = ["plot_result", "plot_run"]
