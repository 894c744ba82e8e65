"""The ant in its maze as a MuJoCo model: gymnasium's ant, heavier, with a head, between walls."""

from __future__ import annotations

from importlib import import_module, resources
from typing import Any

import numpy as np

from qd.errors import QDError

START = (-25.0, -25.0, 0.6)  # torso's x, y, z
CENTER, HALF = 5.0, 35.0  # the arena is a square about (5, 5)
THICKNESS, HEIGHT = 0.3, 2.0  # of all walls: half of the one, and how far they rise over the floor
WALLS = (  # centre x, y, half sizes x, y
    (5.0, 40.0, 35.0, THICKNESS),
    (5.0, -30.0, 35.0, THICKNESS),
    (40.0, 5.0, THICKNESS, 35.0),
    (-30.0, 5.0, THICKNESS, 35.0),
    (-15.0, 20.0, THICKNESS, 17.0),
    (-3.0, -15.0, 13.0, THICKNESS),
    (10.0, -15.0, THICKNESS, 15.0),
)
TIMESTEP = 0.005  # [s]
SUBSTEPS = 5  # of the simulator in one step of the problem

# The released model sets the mass of everything to 25755 kg. Most of that goes to a fixed ellipsoid of radius 3 which
# hangs 100 m above the floor and takes part in nothing else. At the ant's density of 5 the two would weigh
TOTAL_MASS = 25755.0
HANGING = 5.0 * 4.0 / 3.0 * np.pi * 3.0**3  # and 0.91, so the ant's parts become 45 times as dense: 41.4 kg in all.
HEAD = (0.4, 0.0, 0.25, 0.25, 0.01)  # x, y, z on the torso, radius, density before that


def simulator() -> Any:
    """The package mujoco, which has to be there along with gymnasium, whose ant is used. Raises QDError."""
    try:
        import_module("gymnasium")
        return import_module("mujoco")
    except ImportError as error:
        raise QDError(f"AntMaze needs mujoco and gymnasium ({error}): pip install 'qd-evolution[gym]'") from error


def build() -> Any:
    """The model (``mujoco.MjModel``)."""
    mujoco = simulator()
    asset = resources.files("gymnasium") / "envs" / "mujoco" / "assets" / "ant.xml"
    spec = mujoco.MjSpec.from_string(asset.read_text())
    spec.option.timestep = TIMESTEP
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_RK4
    torso = spec.body("torso")
    torso.pos = START
    x, y, z, radius, density = HEAD
    torso.add_geom(name="head", type=mujoco.mjtGeom.mjGEOM_SPHERE, pos=(x, y, z), size=(radius, 0, 0), density=density)
    light = float(sum(spec.compile().body_mass))  # the ant's, since fixed bodies have none
    for geom in spec.geoms:
        geom.density *= TOTAL_MASS / (light + HANGING)
    spec.geom("floor").pos = (CENTER, CENTER, 0.0)
    for x, y, half_x, half_y in WALLS:
        spec.worldbody.add_geom(
            type=mujoco.mjtGeom.mjGEOM_BOX, pos=(x, y, 0.0), size=(half_x, half_y, HEIGHT), conaffinity=1
        )
    return spec.compile()
