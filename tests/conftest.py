"""Shared by all tests: quiet hypothesis deadlines on noisy machines, no display."""

import os

from hypothesis import HealthCheck, settings

from tests.command import call, folder, refused  # noqa: F401 - fixtures for whoever names them
from tests.serving import server  # noqa: F401

os.environ.setdefault("MPLBACKEND", "Agg")
quick = settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("shared", quick, derandomize=True)  # the same examples every time
settings.register_profile("explore", quick, max_examples=1000)  # HYPOTHESIS_PROFILE=explore: new ones
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "shared"))
