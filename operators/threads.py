"""One thread for linear algebra: matrices here are small, and a sum cut in two by threads has other bits."""

from contextlib import AbstractContextManager
from functools import cache
from typing import Any


@cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()  # looking for the libraries takes a millisecond, so once


def one_thread() -> AbstractContextManager[Any]:
    """A context in which numpy's BLAS and LAPACK use one thread."""
    context: AbstractContextManager[Any] = _controller().limit(limits=1, user_api="blas")
    return context
