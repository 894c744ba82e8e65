"""A comparison's table as Markdown, CSV and LaTeX."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from math import isfinite

from qd.comparison.compared import ALL, Comparison, Row

_HEAD = {
    "group": "search",
    "n": "n",
    "iqm": "IQM",
    "median": "median",
    "mean": "mean",
    "area": "area",
    "improvement": "P(>)",
    "p": "p",
    "corrected": "p Holm",
}


def markdown(comparison: Comparison) -> str:
    """A table a metric and problem, with the caption and the notes below."""
    parts = []
    for title, rows in _sections(comparison):
        columns = _columns(comparison, rows)
        lines = [f"**{title}**", ""] if title else []
        lines.append("| " + " | ".join(_HEAD[column] for column in columns) + " |")
        lines.append("|" + "---|" * len(columns))
        lines += [
            "| " + " | ".join(_cell(row, column).replace("|", "\\|") for column in columns) + " |" for row in rows
        ]
        parts.append("\n".join(lines))
    parts.append(comparison.caption)
    if comparison.notes:
        parts.append("\n".join(f"- {note}" for note in comparison.notes))
    return "\n\n".join(parts) + "\n"


def latex(comparison: Comparison) -> str:
    r"""The same as ``tabular`` environments with booktabs' rules; ``\usepackage{booktabs}``."""
    parts = ["% \\usepackage{booktabs}"]
    for title, rows in _sections(comparison):
        columns = _columns(comparison, rows)
        lines = [f"% {title}"] if title else []
        lines += [f"\\begin{{tabular}}{{l{'r' * (len(columns) - 1)}}}", "\\toprule"]
        lines.append(" & ".join(_tex(_HEAD[column]) for column in columns) + r" \\")
        lines.append("\\midrule")
        lines += [" & ".join(_tex(_cell(row, column)) for column in columns) + r" \\" for row in rows]
        lines += ["\\bottomrule", "\\end{tabular}"]
        parts.append("\n".join(lines))
    parts.append("\n".join(f"% {line}" for line in (comparison.caption, *comparison.notes)))
    return "\n\n".join(parts) + "\n"


def as_csv(comparison: Comparison) -> str:
    """One line a group, metric and problem; numbers in full, empty where there is none."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    plain = ("metric", "problem", "group", "n", "iqm", "median", "mean", "area", "improvement", "p", "corrected",
             "method", "gap")  # fmt: skip
    ends = ("iqm", "area", "improvement")
    writer.writerow([*plain, *(f"{name}_{end}" for name in ends for end in ("low", "high"))])
    for row in comparison.rows:
        values = [getattr(row, name) for name in plain]
        values += [end for name in ends for end in getattr(row, f"{name}_interval")]
        writer.writerow(["" if isinstance(value, float) and not isfinite(value) else value for value in values])
    return file.getvalue()


FORMS: dict[str, Callable[[Comparison], str]] = {"md": markdown, "csv": as_csv, "tex": latex}
"""Ending -> what writes the table so."""


def _sections(comparison: Comparison) -> list[tuple[str, list[Row]]]:
    found: dict[tuple[str, str], list[Row]] = {}
    for row in comparison.rows:
        found.setdefault((row.metric, row.problem), []).append(row)
    several = len(comparison.problems) > 1
    return [
        (f"{metric}, {problem}" if several else f"{metric} on {problem}", rows)
        for (metric, problem), rows in found.items()
    ]


def _columns(comparison: Comparison, rows: list[Row]) -> list[str]:
    columns = ["group", "n", "iqm", "median", "mean", "area"]
    if len(comparison.groups) > 1:
        columns.append("improvement")
        if rows[0].problem != ALL:
            columns += ["p", "corrected"]
    return columns


def _cell(row: Row, column: str) -> str:
    if column == "group":
        return row.group
    value = getattr(row, column)
    if not isfinite(value):
        return "–"
    if column == "n":
        return str(value)
    if column in ("p", "corrected"):
        return p_value(value)
    if column == "improvement":
        return f"{value:.2f}{_interval(row.improvement_interval, '.2f')}"
    form = _form(row)
    interval = {"iqm": row.iqm_interval, "area": row.area_interval}.get(column)
    return format(value, form) + (_interval(interval, form) if interval else "")


def _form(row: Row) -> str:
    """Four digits of what is largest in the row's interval, and the same places for all of it."""
    size = max((abs(x) for x in (row.iqm, *row.iqm_interval) if isfinite(x)), default=1.0)
    if size >= 1e6 or 0 < size < 1e-4:
        return ".4g"
    digits = 3
    while size >= 10 and digits > 0:
        size, digits = size / 10, digits - 1
    return f",.{digits}f"


def _interval(interval: tuple[float, float], form: str) -> str:
    low, high = interval
    return f" [{low:{form}}, {high:{form}}]" if isfinite(low) else ""


def p_value(p: float) -> str:
    """A p-value as tables have it.

    >>> p_value(0.0312), p_value(0.00001), p_value(1.0)
    ('0.031', '<0.001', '1.000')
    """
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def _tex(text: str) -> str:
    for letter, its in (("\\", r"\textbackslash "), ("&", r"\&"), ("%", r"\%"), ("$", r"\$"), ("#", r"\#"),
                        ("_", r"\_"), ("{", r"\{"), ("}", r"\}"), ("~", r"\textasciitilde "), ("^", r"\^{}"),
                        ("<", "$<$"), (">", "$>$"), ("–", "--")):  # fmt: skip
        if letter == "\\":
            text = text.replace(letter, "\0")
        else:
            text = text.replace(letter, its)
    return text.replace("\0", r"\textbackslash ")
