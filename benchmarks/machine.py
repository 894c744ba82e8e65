"""What every benchmark prints first: machine, versions, threads."""

from __future__ import annotations

import os
import platform
from importlib import metadata


def describe(*packages: str, threads: int = 1) -> None:
    """One line about the machine, one about the versions."""
    model = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as file:
            model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), model)
    print(f"{model}, {os.cpu_count()} cores, {threads} thread{'s' if threads > 1 else ''}")
    versions = [f"{package} {metadata.version(package)}" for package in ("numpy", "numba", *packages)]
    print(f"python {platform.python_version()}, {', '.join(versions)}")
