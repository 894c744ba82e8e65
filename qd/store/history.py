"""history.bin: one record an evaluated row, in the order of evaluation numbers, from 0: what was evaluated, whose child
it was, and what came of it. From it a run's map can be drawn as it stood at any generation, an elite traced back to
its first ancestor, and an evaluation made again.

The records are plain little-endian bytes, appended as the run goes and cut back to the checkpoint on resume;
``history.json`` names their fields. Reading either executes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.contracts import Evaluation, Problem, Request
from qd.errors import QDError
from qd.store.files import FORMAT, RunFolder, Table, read_json, write_json

NOBODY = -1  # the parent of a row that has none
_PARENTS = 2  # kept a row; a mean of many has no ancestors
_MEASURES = 32  # kept a row at most
_NAMES = 255  # operators and settings that are told apart; what comes later is named "..."


class HistoryTable:
    """Appends a record for each told row.

    Args:
        folder: the run's.
        problem: says how many objectives and measures there are.
        most: evaluation numbers from this one on are not recorded.
        resume: what ``to_state`` gave at the checkpoint that the run goes on from.
    """

    def __init__(self, folder: RunFolder, problem: Problem, most: int, resume: dict[str, Any] | None = None) -> None:
        self._folder = folder
        self._width, self._most = len(problem.objectives), most
        self._table = Table(folder.history, resume["length"] if resume else None)
        self.rows = int(resume["rows"]) if resume else 0
        self.measures = int(resume["measures"]) if resume else -1  # known from the first told row on
        self.operators: list[str] = list(resume["operators"]) if resume else []
        self.settings: list[str] = list(resume["settings"]) if resume else []
        if resume:
            self._name()

    def append(self, request: Request, evaluation: Evaluation) -> None:
        """One told request. Evaluation numbers that were passed over get records of generation -1."""
        if request.first >= self._most:
            return
        seen = evaluation.measures if evaluation.measures.shape[1] else evaluation.truth.get("measures")
        if self.measures < 0:
            self.measures = 0 if seen is None else min(seen.shape[1], _MEASURES)
            self._name()
        if request.first > self.rows:
            self._write(self._blank(request.first - self.rows))
        n, m = len(request), self.measures
        records = self._blank(n)
        records["generation"] = request.number
        records["status"] = evaluation.status
        records["operator"] = self._operators(request)
        records["setting"] = self._code(self.settings, setting_of(request))
        records["draw"] = request.draw_numbers
        if request.parents is not None and request.parents.shape[1]:
            p = min(request.parents.shape[1], _PARENTS)
            records["parents"][:, :p] = request.parents[:, :p]
        records["objective"] = evaluation.objective.reshape(n, self._width)
        if m and seen is not None:
            records["measures"] = seen[:, :m]
        self._write(records[: self._most - self.rows])

    def to_state(self) -> dict[str, Any]:
        """What a checkpoint needs; the records so far are on the disk after this."""
        return {
            "length": self._table.sync(),
            "rows": self.rows,
            "measures": self.measures,
            "operators": self.operators,
            "settings": self.settings,
        }

    def close(self) -> None:
        """Flush and close the file."""
        self._table.close()

    def _blank(self, n: int) -> NDArray[Any]:
        records = np.zeros(n, _record(self._width, max(self.measures, 0)))
        records["generation"] = -1
        records["parents"] = NOBODY
        records["objective"] = np.nan
        records["measures"] = np.nan
        return records

    def _write(self, records: NDArray[Any]) -> None:
        self._table.write(records.tobytes())
        self.rows += len(records)

    def _operators(self, request: Request) -> Any:
        if isinstance(request.operators, str):
            return self._code(self.operators, request.operators)
        codes = {name: self._code(self.operators, name) for name in dict.fromkeys(request.operators)}
        return [codes[name] for name in request.operators]

    def _code(self, names: list[str], name: str) -> int:
        """The number of a name; the file that lists them is written anew where it is a new one."""
        if name in names:
            return names.index(name)
        if len(names) >= _NAMES:
            name = "..."
            if name in names:
                return names.index(name)
        names.append(name)
        self._name()
        return len(names) - 1

    def _name(self) -> None:
        write_json(
            self._folder.history_names,
            {
                "format": FORMAT,
                "objectives": self._width,
                "measures": max(self.measures, 0),
                "operators": self.operators,
                "settings": self.settings,
            },
        )


def setting_of(request: Request) -> str:
    """How a request was evaluated: ``"role|purpose|fidelity"``, the fidelity as JSON, empty where it is the plain one.

    A fidelity that varies from row to row is ``"per row"``.
    """
    if not request.fidelity:
        return f"{request.role}|{request.purpose}|"
    plain = {key: _plain(value) for key, value in sorted(request.fidelity.items())}
    return f"{request.role}|{request.purpose}|{json.dumps(plain)}"


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return "per row"
    if isinstance(value, np.generic):
        value = value.item()
    return value if isinstance(value, str | int | float) else str(value)


def _record(objectives: int, measures: int) -> np.dtype[Any]:
    return np.dtype(
        [
            ("generation", "<i4"),
            ("status", "i1"),
            ("operator", "u1"),
            ("setting", "u1"),
            ("draw", "<u8"),
            ("parents", "<i4", (_PARENTS,)),
            ("objective", "<f8", (objectives,)),
            ("measures", "<f8", (measures,)),
        ]
    )


@dataclass(frozen=True)
class History:
    """The rows of a run so far, up to ``Experiment.history`` of them; row i is evaluation number i.

    Args:
        generation: (n,) the request it was of; -1 where a number was never evaluated.
        status: (n,) of ``qd.Status``.
        objective: (n,), or (n, k) with k objectives; NaN where it failed.
        measures: (n, m) what the search was given, or the true ones where it was given none; NaN where it failed.
        parents: (n, 2) evaluation numbers; -1 for none.
        operator: (n,) its place in ``operators``. setting: (n,) its place in ``settings``.
        draw: (n,) what its seed is hashed from: ``qd.rng.row_seeds(run_seed, draw)``.
        operators: names. settings: ``"role|purpose|fidelity"``.
    """

    generation: NDArray[np.int32]
    status: NDArray[np.int8]
    objective: NDArray[np.float64]
    measures: NDArray[np.float64]
    parents: NDArray[np.int32]
    operator: NDArray[np.uint8]
    setting: NDArray[np.uint8]
    draw: NDArray[np.uint64]
    operators: tuple[str, ...]
    settings: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.generation)

    def operator_of(self, number: int) -> str:
        """The name of the operator that made a row."""
        return self.operators[int(self.operator[number])]

    def setting_of(self, number: int) -> tuple[str, str, str]:
        """(role, purpose, fidelity as JSON) of a row."""
        role, purpose, fidelity = self.settings[int(self.setting[number])].split("|", 2)
        return role, purpose, fidelity

    def ancestors(self, number: int) -> Iterator[int]:
        """A row's first parent, that one's, and so on to the first ancestor.

        Raises:
            QDError: there is no such row.
        """
        if not 0 <= number < len(self):
            raise QDError(f"evaluation {number}: not in this run, which has 0 .. {len(self) - 1}")
        parent = int(self.parents[number, 0])
        while NOBODY < parent < number:  # parents are evaluated before: whatever a damaged file says, this ends
            yield parent
            number, parent = parent, int(self.parents[parent, 0])


def read_history(folder: RunFolder) -> History | None:
    """What a run has evaluated so far; also of one that is going. None where none was kept.

    Raises:
        QDError: the files do not belong to each other, or are of another format.
    """
    if not folder.history.exists() or not folder.history_names.exists():
        return None
    about = read_json(folder.history_names)
    try:
        form, objectives, measures = (int(about[key]) for key in ("format", "objectives", "measures"))
        operators, settings = tuple(map(str, about["operators"])), tuple(map(str, about["settings"]))
    except (KeyError, TypeError, ValueError) as error:
        raise QDError(f"{folder.history_names}: is damaged: {error!r}") from error
    if form != FORMAT or not (1 <= objectives <= 1000 and 0 <= measures <= _MEASURES):
        raise QDError(f"{folder.history_names}: is of format {form}, wanted {FORMAT}: read it with the version of qd "
                      "that config.json names")  # fmt: skip
    record = _record(objectives, measures)
    data = folder.history.read_bytes()
    rows = np.frombuffer(data[: len(data) // record.itemsize * record.itemsize], record)  # the last may be half written
    for name, known in (("operator", operators), ("setting", settings)):
        if len(rows) and int(rows[name].max()) >= max(len(known), 1):
            raise QDError(f"{folder.history}: is damaged: a row's {name} is not in {folder.history_names.name}")
    objective = rows["objective"]
    return History(
        generation=rows["generation"], status=rows["status"],
        objective=objective[:, 0] if objectives == 1 else objective, measures=rows["measures"],
        parents=rows["parents"], operator=rows["operator"], setting=rows["setting"], draw=rows["draw"],
        operators=operators, settings=settings,
    )  # fmt: skip


__all__ = ["NOBODY", "History", "HistoryTable", "read_history", "setting_of"]
