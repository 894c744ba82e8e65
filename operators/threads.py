"""One thread for linear algebra: matrices here are small, and a sum cut in two by threads has other bits."""

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any


@cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")  # looking for the libraries takes a millisecond, so once


def one_thread() -> AbstractContextManager[Any]:
    """A context in which numpy's BLAS and LAPACK use one thread."""
    controller = _controller()
    if all(library.num_threads == 1 for library in controller.lib_controllers):
        return nullcontext()
    context: AbstractContextManager[Any] = controller.limit(limits=1)
    return context
