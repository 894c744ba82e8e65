"""The picture of an archive under fresh noise: stored objectives against new means, and both maps."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from qd.reeval import Reevaluation
from qd.store.archive_file import StoredArchive
from qd.store.files import write_atomic
from qd.view.space_axes import measure_axes
from qd.view.style import LINE, NOTE, VALUE_MAP, color_map, figure, number_axis, put_title, style


def plot(found: Reevaluation, archive: StoredArchive, result: Any, out: Path) -> Path:
    """Draw it; returns the file."""
    two = found.measures.shape[1] == 2 and found.coverage is not None
    with style():
        fig = figure(2.6 if two else 3.6)
        panels = fig.subplots(1, 3 if two else 1, squeeze=False)[0]
        _scatter(panels[0], found)
        if two:
            names = measure_axes(result).labels(2)
            stored = np.asarray(archive.fields["measures"], np.float64)
            limits = np.nanpercentile(np.r_[found.stored, found.mean], (1, 99))
            for axes, places, values, title in (
                (panels[1], stored, found.stored, f"stored: {found.coverage[0]:.1%}"),  # type: ignore[index]
                (panels[2], found.measures, found.mean, f"corrected: {found.coverage[1]:.1%}"),  # type: ignore[index]
            ):
                axes.scatter(*places.T, c=values, s=max(0.6, min(12.0, 4000 / len(values))), cmap=color_map(VALUE_MAP),
                             vmin=limits[0], vmax=limits[1], linewidths=0, rasterized=True)  # fmt: skip
                low, high = archive.meta["lower_bounds"], archive.meta["upper_bounds"]
                axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), xlabel=names[0], title=title)
                number_axis(axes.xaxis, 3)
                number_axis(axes.yaxis, 3)
            panels[1].set_ylabel(names[1])
            panels[2].set_yticks([])
        put_title(fig, result.summary, f"{found.elites:,} elites, {found.repeats} new evaluations each")
        buffer = io.BytesIO()
        fig.savefig(buffer, format="png", metadata={"Software": None})
    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(out, buffer.getvalue(), sync=False)
    return out


def _scatter(axes: Any, found: Reevaluation) -> None:
    fine = np.isfinite(found.mean)
    ends = [float(np.nanmin(np.r_[found.stored, found.mean])), float(np.nanmax(np.r_[found.stored, found.mean]))]
    axes.plot(ends, ends, color=NOTE, linewidth=0.8, linestyle="--")
    axes.scatter(found.stored[fine], found.mean[fine], s=3, color=LINE, alpha=0.4, linewidths=0, rasterized=True)
    axes.set(xlabel="stored objective", ylabel="mean of new ones")
    number_axis(axes.xaxis, 3)
    number_axis(axes.yaxis, 3)


__all__ = ["plot"]
