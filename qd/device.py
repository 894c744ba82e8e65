"""Which device torch computes on: ``"cpu"``, ``"cuda"``, ``"cuda:1"``, or ``"auto"`` for what there is."""

from __future__ import annotations

import re

from qd.errors import QDError
from qd.launcher import launched_local_rank

_NAME = re.compile(r"cpu|auto|cuda(:\d+)?")


def check_device_name(device: str, field: str = "device") -> None:
    """Refuse what is no device's name, without looking whether it is there. ``field`` is named in the message."""
    if not isinstance(device, str) or not _NAME.fullmatch(device):
        raise QDError(f"{field}: got {device!r}, wanted 'cpu', 'cuda', 'cuda:N' or 'auto'")


def resolve_device(device: str, field: str = "device") -> str:
    """The name of the device that a setting means on this machine, as torch takes it.

    ``"auto"`` is a graphics card where there is one, else the processor; of several cards, the ranks of a machine
    take one each in turn. torch is loaded unless the answer is ``"cpu"`` anyway.

    Args:
        device: ``"cpu"``, ``"cuda"``, ``"cuda:N"`` or ``"auto"``.
        field: the setting, for the message.

    Raises:
        QDError: it is no such name, or torch finds no such device here.

    >>> resolve_device("cpu")
    'cpu'
    """
    check_device_name(device, field)
    if device == "cpu":
        return "cpu"
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device == "auto":
        return f"cuda:{launched_local_rank() % count}" if count else "cpu"
    if int(device.partition(":")[2] or 0) >= count:
        raise QDError(
            f"{field}: got {device!r}, but torch {torch.__version__} finds {count} such devices here; take 'cpu', or "
            "'auto' for what there is"
        )
    return device
