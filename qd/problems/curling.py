"""Curling: an arm of two links pushes a ball on a walled table, as in SERENE (Paolo and others 2021) and STAX (2022).

https://arxiv.org/abs/2102.03140, https://arxiv.org/abs/2111.01919.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.contracts import Evaluation, Problem, Request
from qd.errors import QDError
from qd.policies import MLP
from qd.problems._weights import blank_broken, frames_wanted
from qd.space import Box, Measures, Space

DT = 1.0 / 60.0  # [s], a step
WALL = 1.45  # the walls' inner faces, from the middle of the table, like every place here
THICKNESS = 0.1  # of the walls
BALL_RADIUS = 0.15
START = (-0.5, 0.2)  # of the ball
DAMPING, SPIN_DAMPING = 1.1, 2.0  # of the ball [1/s]: v becomes v / (1 + 1.1 dt) in a step
RESTITUTION = 0.9  # of the ball with anything, above BOUNCING_SPEED; below, what meets stays together
BOUNCING_SPEED = 1.0  # [1/s] of approach
FRICTION_ARM, FRICTION_WALL = 0.9, float(np.sqrt(0.9 * 0.2))  # geometric means of the bodies' coefficients
BASE_Y = -1.5  # the base joint lies at (0, -1.5), upright is angle 0, angles count to the left
ELBOW = 1.0  # from the base joint to the elbow
HALF_LENGTH, HALF_WIDTH = 0.5, 0.05  # of either link
TAIL = 0.1  # of the outer link reaches beyond the elbow
LIMITS = (0.4 * np.pi, 0.9 * np.pi)  # of base and elbow, to either side [rad]
AREAS = ((0.8, 0.8, 0.4), (0.8, -0.8, 0.2))  # x, y, radius R of the reward areas
