"""metrics.csv: a row a generation, appended; read back as a data frame."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from qd.errors import QDError
from qd.store.files import Table


class MetricsTable:
    """Appends rows. The columns are those of the first row; later rows must have the same.

    Args:
        path: the file, or None to keep the rows in memory only.
        resume: {"length": bytes, "columns": names} of the checkpoint that the run goes on from.
    """

    def __init__(self, path: Path | None, resume: dict[str, Any] | None = None) -> None:
        self._table = Table(path, resume["length"] if resume else None) if path else None
        self.columns: list[str] = list(resume["columns"]) if resume else []
        self.rows: list[list[Any]] = list(resume.get("rows", [])) if resume else []  # without a file

    def append(self, row: dict[str, Any]) -> None:
        """One generation. Raises QDError where a search reports other metrics than before."""
        if not self.columns:
            self.columns = list(row)
            if self._table:
                self._table.write(",".join(self.columns) + "\n")
        elif list(row) != self.columns:
            wrong = sorted(set(row) ^ set(self.columns))
            raise QDError(f"metrics: {wrong} come and go between generations; report the same names every time (NaN)")
        if self._table is None:
            self.rows.append([row[name] for name in self.columns])
            return
        self._table.write(",".join(map(str, row.values())) + "\n")

    def to_state(self) -> dict[str, Any]:
        """What a checkpoint needs; the rows so far are on the disk after this."""
        if self._table:
            return {"length": self._table.sync(), "columns": self.columns}
        return {"length": 0, "columns": self.columns, "rows": self.rows}

    def close(self) -> None:
        """Flush and close the file."""
        if self._table:
            self._table.close()


def read_metrics(path: Path) -> Any:
    """metrics.csv as a pandas data frame; of a run that is going, without a row that is half written."""
    import pandas as pd

    try:
        data = path.read_bytes()
        return pd.read_csv(io.BytesIO(data[: data.rfind(b"\n") + 1]))
    except pd.errors.EmptyDataError:
        return pd.DataFrame()
    except FileNotFoundError:
        raise QDError(f"{path}: not there; is {path.parent} the folder of a run?") from None
