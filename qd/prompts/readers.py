"""Examples from a user's own table, and the splits of them that a run reads."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError, nearest
from qd.prompts.examples import SPLITS, Examples, SplitName, Splits
from qd.rng import generator

Row = Mapping[str, str]
_TABLES = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
_LINES = (".jsonl", ".ndjson")
_SURROGATE = re.compile("[\ud800-\udfff]")
_LISTED = 8  # rows that a message names


def read_examples(
    path: str | Path,
    text: str = "text",
    label: str = "label",
    fields: Mapping[str, str] | Sequence[str] | None = None,
    classes: Mapping[Any, str] | Sequence[str] | None = None,
    where: Callable[[Row], bool] | None = None,
    limit: int | None = None,
    empty: str = "drop",
    encoding: str = "utf-8-sig",
    delimiter: str = "",
) -> Examples:
    """The examples of a table: CSV or TSV with a line of names first, or JSON lines.

    Labels are compared as text, so ``classes={0: "negative", 1: "positive"}`` fits a column of 0 and 1.

    Args:
        path: a file; how it is read goes by its ending: .csv, .tsv, .tab, .jsonl, .ndjson.
        text: the column that becomes the field ``"text"``, where ``fields`` names none.
        label: the column of right answers.
        fields: columns that become fields: names, or field -> column.
        classes: label as written -> name of the class; or the classes there may be. Another label is refused.
        where: keeps the rows that it is true for; a row is column -> text as written.
        limit: keep the first so many of those.
        empty: what becomes of an example of which a field holds nothing but white space: ``"drop"``, or ``"refuse"``.
            To count those that are dropped, compare lengths; a table of which nothing is left is refused.
        encoding: of the file; by default UTF-8, with or without the mark at its beginning.
        delimiter: between the columns of a table; empty: a comma in .csv, a tab in the others.

    Returns:
        The examples, in the order of the file; white space around fields and labels is taken off.

    Raises:
        QDError: a file that is missing, of another kind or encoding; a column that is not there; rows without a label
            or with one that is no class, by number (the first row under the names is row 1).
    """
    path = Path(path)
    columns = _columns(text, fields)
    if empty not in ("drop", "refuse"):
        raise QDError(f"read_examples.empty: got {empty!r}, wanted 'drop' or 'refuse'")
    rows = _rows(path, (*columns.values(), label), encoding, delimiter)
    names = _class_names(classes)
    kept: list[tuple[str, ...]] = []
    labels: list[str] = []
    missing: list[int] = []
    blank: list[int] = []
    unknown: dict[str, int] = {}
    for number, row in rows:
        if where is not None and not where(row):
            continue
        if limit is not None and len(labels) >= limit:
            break
        answer = row[label].strip()
        values = tuple(row[column].strip() for column in columns.values())
        if not all(values):
            blank.append(number)
        elif not answer:
            missing.append(number)
        elif names is not None and answer not in names:
            unknown.setdefault(answer, number)
        else:
            kept.append(values)
            labels.append(answer if names is None else names[answer])
    if missing:
        raise QDError(f"{path}: no label in column {label!r} of {_numbered(missing)}; write one, or leave such rows "
                      f"out with where=lambda row: row[{label!r}].strip() != ''")  # fmt: skip
    if unknown:
        told = ", ".join(f"{value!r} (row {number})" for value, number in list(unknown.items())[:_LISTED])
        raise QDError(f"{path}: column {label!r} has labels that are no class: {told}; classes has "
                      f"{_list(names or ())}: add them there, or leave such rows out with where=")  # fmt: skip
    if blank and empty == "refuse":
        raise QDError(f"{path}: nothing in {_list(columns.values())} of {_numbered(blank)}; write something, or drop "
                      "them with empty='drop'")  # fmt: skip
    if not labels:
        why = f"{len(blank)} rows are empty" if blank else "no row is left by where=" if where else "it has no rows"
        raise QDError(f"{path}: no examples: {why}")
    return Examples({name: tuple(values[i] for values in kept) for i, name in enumerate(columns)}, tuple(labels))


@dataclass(frozen=True)
class _Share:
    """How many of each class a split takes."""

    name: SplitName
    count: int


def split_examples(
    examples: Examples,
    search: int = 16,
    select: int = 100,
    test: int = 300,
    demos: int = 1,
    per_class: bool = True,
    seed: int = 0,
    max_words: int | None = None,
) -> Splits:
    """Cut examples into splits at random, equal in classes, none in two of them.

    A function of the examples and the seed alone. Examples that are equal in all fields count once; where their labels
    differ, none of them counts. Rows of a split go through the classes in turn, and within a class from short to long,
    so that a block of neighbours holds texts of like length; the search split is two halves laid out like this, each
    with the same number of every class: what judges on a part first takes its first half.

    Args:
        examples: all there are.
        search: examples a class that the objective of a search is computed on; even, for the halves.
        select: examples a class for the last choice.
        test: examples a class for the report.
        demos: examples a class that stand in prompts; they are in no order of length.
        per_class: False: the four numbers are totals, and classes are not looked at (where answers are texts).
        seed: another one draws other examples.
        max_words: leave out examples with more words than this in any field.

    Raises:
        QDError: where a class has too few examples, with the figures.
    """
    shares = (_Share("demos", demos), _Share("search", search), _Share("select", select), _Share("test", test))
    for share in shares:
        if isinstance(share.count, bool) or not isinstance(share.count, int) or share.count < 0:
            raise QDError(f"split_examples.{share.name}: got {share.count!r}, wanted a whole number of at least 0")
    usable = _usable(examples, max_words)
    groups: dict[str, list[int]] = {}
    for row in usable:
        groups.setdefault(examples.labels[row] if per_class else "", []).append(row)
    wanted = sum(share.count for share in shares)
    _refuse_few(groups, wanted, shares, len(examples), per_class, max_words)
    lengths = np.array([sum(map(len, key)) for key in examples.keys()])  # noqa: SIM118
    taken: dict[SplitName, list[NDArray[np.int64]]] = {name: [] for name in SPLITS}
    for name in sorted(groups):
        order = generator(seed, f"prompts.split.{name}").permutation(np.array(groups[name], np.int64))
        start = 0
        for share in shares:
            taken[share.name].append(order[start : start + share.count])
            start += share.count
    chosen = {
        "demos": _in_turn(taken["demos"]),
        "search": _in_halves(taken["search"], lengths),
        "select": _in_turn([_by_length(rows, lengths) for rows in taken["select"]]),
        "test": _in_turn([_by_length(rows, lengths) for rows in taken["test"]]),
    }
    return Splits(**{name: examples.rows(rows) for name, rows in chosen.items()})


def _usable(examples: Examples, max_words: int | None) -> list[int]:
    """The first of all equal examples, if they agree on the label, and if it is short enough."""
    first: dict[tuple[str, ...], int] = {}
    torn: set[tuple[str, ...]] = set()
    for row, key in enumerate(examples.keys()):
        if examples.labels[first.setdefault(key, row)] != examples.labels[row]:
            torn.add(key)
    return [
        row
        for key, row in first.items()
        if key not in torn and (max_words is None or max(len(text.split()) for text in key) <= max_words)
    ]


def _refuse_few(
    groups: Mapping[str, list[int]],
    wanted: int,
    shares: Sequence[_Share],
    given: int,
    per_class: bool,
    max_words: int | None,
) -> None:
    few = {name: len(rows) for name, rows in sorted(groups.items()) if len(rows) < wanted}
    if not few and groups:
        return
    asked = " + ".join(f"{share.count} {share.name}" for share in shares)
    have = ", ".join(f"{name!r} has {count}" for name, count in few.items()) if per_class and few else (
        f"there are {sum(few.values())}")  # fmt: skip
    short = "" if max_words is None else f" of at most {max_words} words (max_words)"
    raise QDError(f"split_examples: wanted {asked} = {wanted} different examples{' of each class' if per_class else ''}"
                  f"{short}, but {have}, out of {given} rows given; ask for fewer, or give more rows")  # fmt: skip


def _by_length(rows: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    return rows[np.argsort(lengths[rows], kind="stable")]


def _in_turn(classes: Iterable[NDArray[np.int64]]) -> NDArray[np.int64]:
    """One of each class, again and again; the classes have the same number of rows."""
    return np.stack(list(classes), axis=1).reshape(-1)


def _in_halves(classes: Sequence[NDArray[np.int64]], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Two halves with the same number of each class, which were drawn at random; an odd one over is in the first."""
    cut = (len(classes[0]) + 1) // 2
    halves = [[rows[:cut] for rows in classes], [rows[cut:] for rows in classes]]
    return np.concatenate([_in_turn([_by_length(rows, lengths) for rows in half]) for half in halves])


# ---------------------------------------------------------------- files


def _columns(text: str, fields: Mapping[str, str] | Sequence[str] | None) -> dict[str, str]:
    """Field -> column."""
    if fields is None:
        return {"text": text}
    if isinstance(fields, str):
        raise QDError(f"read_examples.fields: got the text {fields!r}, wanted names, such as [{fields!r}], or field -> "
                      "column")  # fmt: skip
    columns = dict(fields) if isinstance(fields, Mapping) else {name: name for name in fields}
    if not columns:
        raise QDError("read_examples.fields: got none; name at least one column, or leave it out")
    return columns


def _class_names(classes: Mapping[Any, str] | Sequence[str] | None) -> dict[str, str] | None:
    """Label as written -> name of the class."""
    if classes is None:
        return None
    if isinstance(classes, Mapping):
        return {str(written): name for written, name in classes.items()}
    return {name: name for name in classes}


def _rows(path: Path, columns: Sequence[str], encoding: str, delimiter: str) -> Iterable[tuple[int, Row]]:
    """Number (from 1) and row, each with at least the columns that are asked for."""
    kind = path.suffix.lower()
    if kind not in _TABLES and kind not in _LINES:
        raise QDError(f"{path}: ends with {kind!r}, wanted one of {', '.join((*_TABLES, *_LINES))}")
    content = _decoded(path, encoding)
    if kind in _LINES:
        return _json_lines(path, content, columns)
    return _table(path, content, delimiter or _TABLES[kind], columns)


def _decoded(path: Path, encoding: str) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        near = [other.name for other in path.parent.iterdir() if other.is_file()] if path.parent.is_dir() else []
        raise QDError(f"{path}: no such file; {nearest(path.name, near[:50])}") from None
    except OSError as error:
        raise QDError(f"{path}: cannot be read: {error.strerror}") from None
    if b"\0" in data[:4096] and encoding == "utf-8-sig":
        raise QDError(f"{path}: holds zero bytes, as UTF-16 and spreadsheets do; write it as CSV in UTF-8, or say "
                      "encoding='utf-16'")  # fmt: skip
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise QDError(f"{path}: not {encoding.removesuffix('-sig').upper()}: byte {error.start} (line {line}) is "
                      f"0x{data[error.start]:02x}; say which it is, e.g. encoding='cp1252' or 'latin-1', or write the "
                      "file as UTF-8") from None  # fmt: skip
    except LookupError:
        raise QDError(f"read_examples.encoding: got {encoding!r}, which Python does not know; e.g. 'utf-8', 'cp1252', "
                      "'latin-1'") from None  # fmt: skip


def _table(path: Path, content: str, delimiter: str, columns: Sequence[str]) -> Iterable[tuple[int, Row]]:
    largest = csv.field_size_limit(max(csv.field_size_limit(), len(content) + 1))  # reviews pass the 128 KiB of csv
    try:
        read = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True)
        names = [name.strip() for name in next(read, [])]
        if len(names) == 1 and (other := next((sign for sign in ",;\t|" if sign in names[0]), "")):
            raise QDError(f"{path}: one column, {names[0]!r}; is it cut by {other!r}? Then say delimiter={other!r}")
        _refuse_missing(path, names, columns)
        for column in columns:
            if names.count(column) > 1:
                raise QDError(f"{path}: {names.count(column)} columns are named {column!r}; rename one of them")
        for number, values in enumerate(read, 1):
            if not values:
                continue
            if len(values) != len(names):
                raise QDError(f"{path}: row {number} (line {read.line_num}) has {len(values)} values for "
                              f"{len(names)} columns; put quotation marks around a value that holds "
                              f"{delimiter!r}")  # fmt: skip
            yield number, dict(zip(names, values, strict=True))
    except csv.Error as error:
        raise QDError(f"{path}: line {read.line_num}: {error}; is a quotation mark left open?") from None
    finally:
        csv.field_size_limit(largest)


def _json_lines(path: Path, content: str, columns: Sequence[str]) -> Iterable[tuple[int, Row]]:
    for number, line in enumerate(content.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise QDError(f"{path}: line {number} is no JSON: {error.msg} at character {error.colno}") from None
        if not isinstance(row, dict):
            raise QDError(f"{path}: line {number} holds {type(row).__name__}, wanted an object, {{name: value}}")
        _refuse_missing(path, list(row), columns, f"line {number}: ")
        if "\\u" in line and _SURROGATE.search("".join(value for value in row.values() if isinstance(value, str))):
            raise QDError(f"{path}: line {number} has half of a character, an escape \\ud800 to \\udfff without its "
                          "other half; mend or remove it")  # fmt: skip
        yield number, {name: "" if value is None else value if isinstance(value, str) else json.dumps(value)
                       for name, value in row.items()}  # fmt: skip


def _refuse_missing(path: Path, names: Sequence[str], columns: Sequence[str], where: str = "") -> None:
    for column in columns:
        if column not in names:
            raise QDError(f"{path}: {where}no column {column!r}; {nearest(column, names)}")


def _numbered(rows: Sequence[int]) -> str:
    more = f" and {len(rows) - _LISTED} more" if len(rows) > _LISTED else ""
    return f"row{'s' if len(rows) > 1 else ''} {', '.join(map(str, rows[:_LISTED]))}{more}"


def _list(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names)
