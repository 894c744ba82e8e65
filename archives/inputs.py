"""The door of every archive: shapes, dtypes and finite numbers are checked here, before anything is stored."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

Shape = tuple[int, ...]
Fields = dict[str, tuple[Shape, np.dtype[Any]]]  # name -> shape of one row, dtype


def row_shape(dim: int | tuple[int, ...]) -> Shape:
    """Shape of one row from a pyribs-style dimension: 10 is (10,), a tuple is itself."""
    shape = tuple(int(d) for d in dim) if isinstance(dim, tuple | list) else (int(dim),)
    if any(d < 1 for d in shape):
        raise ValueError(f"dimension {dim!r} given, sizes of at least 1 wanted: pass an int or a tuple of ints")
    return shape


def float_dtype(name: str, dtype: DTypeLike | None) -> np.dtype[Any]:
    """float64 for None; float32 and float64 pass; the rest is refused (the kernels know no other)."""
    found = np.dtype(np.float64 if dtype is None else dtype)
    if found not in (np.float32, np.float64):
        raise ValueError(f"{name} {found} given, float32 or float64 wanted: keep whole numbers in extra_fields")
    return found


def plain_dtype(name: str, dtype: DTypeLike | None) -> np.dtype[Any]:
    """float64 for None; any dtype but object, since objects can be neither checkpointed nor sent."""
    found = np.dtype(np.float64 if dtype is None else dtype)
    if found.hasobject:
        raise ValueError(
            f"{name} has dtype object, plain numbers wanted: keep the objects in a table of your own and "
            "store int64 handles"
        )
    return found


def archive_fields(
    solution_dim: int | tuple[int, ...],
    measure_dim: int,
    dtypes: tuple[DTypeLike | None, ...],  # of all, solution, objective, measures
    extra_fields: Mapping[str, tuple[Any, DTypeLike | None]] | None,
    *,
    threshold: bool,
) -> Fields:
    """The columns of an archive in pyribs' order: solution, objective, measures, (threshold), extras, index."""
    every, *single = dtypes
    if every is not None and any(d is not None for d in single):
        raise ValueError(
            "dtype given together with solution_dtype, objective_dtype or measures_dtype: pass it alone, or them"
        )
    solution, objective, measures = (every, every, every) if every is not None else single
    objective = float_dtype("objective_dtype", objective)
    fields: Fields = {
        "solution": (row_shape(solution_dim), plain_dtype("solution", solution)),
        "objective": ((), objective),
        "measures": ((measure_dim,), float_dtype("measures_dtype", measures)),
    }
    if threshold:
        fields["threshold"] = ((), objective)
    for name, (dim, dtype) in (extra_fields or {}).items():
        if name in fields or name in ("index", "threshold") or not name.isidentifier():
            raise ValueError(
                f"extra field {name!r} given, a new Python identifier wanted: "
                "solution, objective, measures, threshold and index are taken"
            )
        fields[name] = (row_shape(dim), plain_dtype(f"extra field {name!r}", dtype))
    fields["index"] = ((), np.dtype(np.int32))
    return fields


def batch_column(name: str, values: ArrayLike, shape: Shape, dtype: np.dtype[Any]) -> NDArray[Any]:
    """`values` as an array of n rows of `shape`; numbers that `dtype` cannot hold are refused.

    A dtype that differs but converts well (float64 to float32) is left for the copy into the archive, so that
    only rows that get in are converted.
    """
    array = values if isinstance(values, np.ndarray) else np.asarray(values)
    if array.ndim == 0 or array.shape[1:] != shape:
        wanted = ", ".join(["n", *map(str, shape)])
        raise ValueError(f"{name} of shape {array.shape} given, ({wanted}) wanted: one row a solution")
    if array.dtype == dtype or np.can_cast(array.dtype, dtype, "same_kind"):
        return array
    converted = array.astype(dtype) if array.dtype.kind in "biuf" and dtype.kind in "biu" else None
    if converted is None or not np.array_equal(converted, array):
        raise ValueError(f"{name} of dtype {array.dtype} given, values that fit {dtype} wanted: convert them first")
    return converted


def number_column(name: str, values: ArrayLike, shape: Shape, dtype: np.dtype[Any]) -> NDArray[Any]:
    """`values` as a writable C-ordered array of n rows of `shape` in exactly `dtype`, ready for a kernel."""
    try:
        array = np.ascontiguousarray(values, dtype=dtype)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} is not an array of numbers ({error}): one row a solution wanted") from error
    if array.ndim != 1 + len(shape) or array.shape[1:] != shape or np.ndim(values) == 0:
        wanted = ", ".join(["n", *map(str, shape)])
        raise ValueError(f"{name} of shape {np.shape(values)} given, ({wanted}) wanted: one row a solution")
    # A read-only buffer (a received message) would make numba compile every kernel a second time.
    return array if array.flags.writeable else array.copy()


def refuse_row(name: str, row: int, value: Any) -> None:
    """Raises the error for a batch with a row that is not finite."""
    raise ValueError(
        f"{name} of row {row} is {value}, finite numbers wanted: failed rows stay out of add, drop them by their status"
    )
