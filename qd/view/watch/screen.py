"""A run on one screen of a terminal, for any width, with and without colours."""

from __future__ import annotations

from typing import Any

import numpy as np

from qd.store.unfinished import class_name
from qd.view.watch.drawing import coarse, curve, plain_map, shade
from qd.view.watch.reading import CURVES, Watched

_COLOURS = {"going": "green", "finished": "blue", "starting": "yellow", "silent": "red", "stopped": "yellow"}


def screen(run: Watched, width: int, height: int, axes: tuple[int, int] = (0, 1), colours: bool = True) -> Any:
    """A rich renderable of a run.

    Args:
        run: as of its last look. width, height: of the terminal, in characters.
        axes: the measures that the map is of. colours: of the map; without them its characters are denser where better.
    """
    from rich.console import Group
    from rich.text import Text

    parts: list[Any] = [*_head(run, width)]
    left = max(height - len(parts) - 5, 6)
    wide = width >= 76
    curves = [name for name in CURVES if len(run.curve(name)[0])][:3]
    tall = max(
        2, min(5, (left - len(curves)) // max(len(curves), 1) if wide else left // (2 * max(len(curves), 1)) - 1)
    )
    drawn = [line for name in curves for line in _curve(run, name, width // 2 - 2 if wide else width - 2, tall)]
    map_width = width - width // 2 - 2 if wide else width - 2
    shown = _map(run, map_width, max(4, len(drawn) if wide else left - len(drawn) - 2), axes, colours)
    if wide and shown:
        blank = Text(" " * (width // 2))
        for i in range(max(len(drawn), len(shown))):
            line = drawn[i].copy() if i < len(drawn) else blank.copy()
            line.truncate(width // 2, pad=True)
            line.append_text(shown[i] if i < len(shown) else Text(""))
            parts.append(line)
    else:
        parts += [*drawn, *shown]
    if not curves:
        parts.append(Text("no generation yet" if not run.rows else "no numbers to draw", style="dim"))
    parts += _foot(run, width)
    for part in parts:
        part.no_wrap = True
        part.overflow = "ellipsis"
    return Group(*parts)


def _head(run: Watched, width: int) -> list[Any]:
    from rich.text import Text

    settings = run.settings or {}
    names = [class_name(settings.get(key)) or "?" for key in ("algorithm", "problem")]
    title = Text(_plain(settings.get("name") or run.folder.path.name), style="bold")
    title.append(f"  {names[0]} on {names[1]}, seed {settings.get('seed', '?')}", style="default")
    unit, amount = run.budget
    spent = run.number(unit if unit in run.columns else "evaluations")
    spent = spent if spent == spent else 0.0
    state = Text(f"{run.state}", style=_COLOURS[run.state])
    if run.state == "silent":
        state.append(f": no sign of life for {_time(run.quiet)}; if it was cut off: qd resume {run.folder.path}")
    elif run.state == "stopped":
        state.append(f" by a signal; go on with: qd resume {run.folder.path}")
    lines = [title, state]
    if amount:
        share = min(spent / amount, 1.0)
        room = max(width - 46, 8)
        bar = Text("█" * round(share * room), style="cyan")
        bar.append("░" * (room - round(share * room)), style="dim")
        rate = run.rate
        text = f" {share:4.0%}  {spent:,.0f} of {amount:,.0f} {unit}"
        bar.append(text, style="default")
        lines.append(bar)
        if rate == rate and run.state == "going":
            left = (amount - spent) / rate if unit == "evaluations" and rate > 0 else float("nan")
            more = f", {_time(left)} left" if left == left else ""
            lines.append(Text(f"{rate:,.0f} evaluations/s{more}", style="dim"))
        else:
            seconds = run.number("seconds")
            lines.append(Text(f"{_time(seconds)} of searching" if seconds == seconds else "", style="dim"))
    return lines


def _curve(run: Watched, name: str, width: int, height: int) -> list[Any]:
    from rich.text import Text

    across, up = run.curve(name)
    head = Text(name.replace("_", " "), style="dim")
    value = f"{up[-1]:.1%}" if name == "coverage" else f"{up[-1]:.5g}"
    head.append(f" {value}", style="bold default")
    return [head, *(Text(line, style="cyan") for line in curve(across, up, width, height))]


def _map(run: Watched, width: int, height: int, axes: tuple[int, int], colours: bool) -> list[Any]:
    from rich.text import Text

    found = run.places()
    if found is None:
        return []
    measures, objective = found
    m = measures.shape[1]
    across, up = (axis if axis < m else m - 1 for axis in axes)
    rows = height - 1
    columns = min(width, 4 * rows)
    if rows < 2 or columns < 4:
        return []
    best = coarse(measures, objective, (across, up), columns, 2 * rows if colours else rows)
    filled = int(np.isfinite(best).sum())
    lines = [Text(f"measures {across} and {up}, best objective, {filled:,} coarse cells", style="dim")]
    if not colours:
        return [*lines, *(Text(line) for line in plain_map(best))]
    fine = best[np.isfinite(best)]
    low, high = float(fine.min()), float(fine.max())

    def colour(value: float) -> str:
        return shade((value - low) / (high - low) if high > low else 1.0) if value == value else "#22272e"

    for row in range(rows):
        line = Text()
        for top, bottom in zip(best[2 * row], best[2 * row + 1], strict=True):
            line.append("▀", style=f"{colour(top)} on {colour(bottom)}")
        lines.append(line)
    return lines


def _foot(run: Watched, width: int) -> list[Any]:
    from rich.text import Text

    lines = []
    told = run.number("failed")
    count = max(int(told) if told == told else 0, run.failures)
    if count:
        lines.append(Text(f"{count:,} failed; the newest: {_plain(run.newest)}", style="red"))
    ranks = (run.summary or {}).get("ranks")
    sent = [run.number(name) for name in ("bytes_sent", "bytes_received")]
    about = []
    if ranks:
        about.append(f"{ranks} rank{'' if ranks == 1 else 's'}")
    if any(value > 0 for value in sent):
        about.append(f"{sent[0] / 1e3:,.1f} kB sent and {sent[1] / 1e3:,.1f} kB received in the last generation")
    if run.summary is not None and run.state == "finished":
        about.append(f"digest {str(run.summary.get('digest'))[:12]}")
    if about:
        lines.append(Text(", ".join(about), style="dim"))
    return lines


def _plain(text: object) -> str:
    """One line without anything that a terminal would act on."""
    return " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())


def _time(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


__all__ = ["screen"]
