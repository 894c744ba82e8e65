"""What of an episode is measured: numbers read from the environment after its steps, by name or made by hand.

``Gym(measures="foot_contact")`` takes one of the names below, ``Gym(measures=StepMeasure(...))`` one's own, and
``register_measure`` gives it a name. Measures never leave the bounds that they declare: they are clipped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError, nearest
from qd.space import Measures

Probe = Callable[[NDArray[np.float64], Any], Sequence[float] | NDArray[np.float64]]

# The geoms that are feet, by the name of the environment in its id, in the order of the measures.
FEET = {
    "Ant": ("left_ankle_geom", "right_ankle_geom", "third_ankle_geom", "fourth_ankle_geom"),
    "HalfCheetah": ("bfoot", "ffoot"),
    "Hopper": ("foot_geom",),
    "Humanoid": ("right_foot", "left_foot"),
    "Walker2d": ("foot_geom", "foot_left_geom"),
}
_CELLS = {1: (100,), 2: (32, 32), 3: (10, 10, 10), 4: (6, 6, 6, 6)}  # about 1000 cells where nothing else is said


@dataclass(frozen=True)
class StepMeasure:
    """Numbers read after the steps of an episode, and what becomes of them at its end.

    >>> def space(env):
    ...     return Measures(("height [m]",), (0.0,), (2.0,), dims=(20,))
    >>> def probe(env):
    ...     return lambda observation, action: [observation[0]]
    >>> StepMeasure(space, probe, reduce="max").reduce
    'max'
    """

    space: Callable[[Any], Measures]
    """Names and bounds, from one environment."""
    probe: Callable[[Any], Probe]
    """The reader of one environment: of the observation after a step, flattened, and the action before it."""
    reduce: Literal["mean", "sum", "max", "last"] = "mean"
    """Over the steps; ``last`` reads the last step alone."""

    def __post_init__(self) -> None:
        known = ("last", "max", "mean", "sum")
        if self.reduce not in known:
            raise QDError(f"StepMeasure.reduce: got {self.reduce!r}, {nearest(str(self.reduce), known)}")


def foot_contact(*feet: str) -> StepMeasure:
    """The share of steps in which each foot touches the ground (Cully et al. 2015), for MuJoCo environments.

    The ground is whatever the world body holds. A contact counts where MuJoCo lists the pair after the step.

    Args:
        feet: names of geoms; by default those of Ant, HalfCheetah, Hopper, Humanoid and Walker2d.
    """

    def geoms(env: Any) -> tuple[str, ...]:
        named = feet or FEET.get(env.spec.name if env.spec else "", ())
        model: Any = getattr(env.unwrapped, "model", None)
        if not named or not hasattr(model, "ngeom"):
            raise QDError(f"measures: 'foot_contact' knows the feet of {', '.join(sorted(FEET))}; for another MuJoCo "
                          "environment name its geoms: measures=foot_contact('left_foot', 'right_foot'); or choose "
                          "another measure, or None")  # fmt: skip
        present = [model.geom(i).name for i in range(model.ngeom)]
        for name in named:
            if name not in present:
                raise QDError(f"foot_contact: there is no geom {name!r}, {nearest(name, filter(None, present))}")
        return tuple(named)

    def space(env: Any) -> Measures:
        names = geoms(env)
        k = len(names)
        return Measures(tuple(f"{name} contact" for name in names), (0.0,) * k, (1.0,) * k, dims=_CELLS.get(k))

    def probe(env: Any) -> Probe:
        model, data = env.unwrapped.model, env.unwrapped.data
        place = {model.geom(name).id: k for k, name in enumerate(geoms(env))}
        ground = {i for i in range(model.ngeom) if model.geom_bodyid[i] == 0}

        def read(observation: NDArray[np.float64], action: Any) -> list[float]:
            touching = [0.0] * len(place)
            if data.ncon:
                for a, b in data.contact.geom.tolist():
                    foot = place.get(b) if a in ground else place.get(a) if b in ground else None
                    if foot is not None:
                        touching[foot] = 1.0
            return touching

        return read

    return StepMeasure(space, probe)


def _is_free(env: Any) -> bool:
    """Whether a MuJoCo model's root moves in all directions, as ants and humanoids do; walkers stay in a plane."""
    model: Any = getattr(env.unwrapped, "model", None)
    if not hasattr(model, "jnt_type"):
        raise QDError("measures: 'position' reads MuJoCo's coordinates; use 'final_observation', or a StepMeasure")
    return int(model.jnt_type[0]) == 0  # mjJNT_FREE


def _position_space(env: Any) -> Measures:
    if _is_free(env):
        return Measures(("x [m]", "y [m]"), (-30.0, -30.0), (30.0, 30.0), dims=(50, 50))
    return Measures(("x [m]",), (-10.0,), (50.0,), dims=(120,))


def _position_probe(env: Any) -> Probe:
    data, k = env.unwrapped.data, 2 if _is_free(env) else 1
    return lambda observation, action: data.qpos[:k]


def _flat_length(space: Any) -> int:
    """Numbers of an observation as the network sees it: choices are one-hot."""
    return int(space.n) if hasattr(space, "n") else int(np.prod(space.shape))


def final_observation(
    low: Sequence[float] | None = None, high: Sequence[float] | None = None, numbers: Sequence[int] | None = None
) -> StepMeasure:
    """The last observation of an episode, or some of its numbers.

    Args:
        low, high: bounds, one a measure; by default those of the observation space.
        numbers: which numbers of the flattened observation; by default all.
    """

    def space(env: Any) -> Measures:
        width = _flat_length(env.observation_space)
        chosen = list(range(width) if numbers is None else numbers)
        if not chosen or not 0 <= min(chosen) <= max(chosen) < width:
            raise QDError(f"final_observation: got numbers {chosen}, but observations have {width} numbers")
        one_hot = not hasattr(env.observation_space, "low")
        ends = []
        for given, declared in ((low, 0.0 if one_hot else env.observation_space.low),
                                (high, 1.0 if one_hot else env.observation_space.high)):  # fmt: skip
            bound = np.broadcast_to(np.ravel(declared), (width,))[chosen] if given is None else np.asarray(given)
            ends.append(tuple(float(x) for x in bound))
        if max(map(abs, ends[0] + ends[1])) > 1e6:  # inf, or the largest float, which says as little
            raise QDError("final_observation: the observation space is unbounded; give bounds, e.g. "
                          "measures=final_observation(low=(-2.4,), high=(2.4,), numbers=(0,))")  # fmt: skip
        return Measures(tuple(f"observation {i}" for i in chosen), ends[0], ends[1], dims=_CELLS.get(len(chosen)))

    def probe(env: Any) -> Probe:
        if numbers is None:
            return lambda observation, action: observation
        chosen = list(numbers)
        return lambda observation, action: observation[chosen]

    return StepMeasure(space, probe, "last")


def _action_space(env: Any) -> Measures:
    space = env.action_space
    k = int(space.n) if hasattr(space, "n") else int(np.prod(space.shape))
    low = 0.0 if hasattr(space, "n") else -1.0
    return Measures(tuple(f"action {i}" for i in range(k)), (low,) * k, (1.0,) * k, dims=_CELLS.get(k))


def _scaled_action(env: Any) -> Callable[[Any], NDArray[np.float64]]:
    """Actions as numbers: boxes from -1 to 1, choices one-hot."""
    space = env.action_space
    if hasattr(space, "n"):
        rows, start = np.eye(int(space.n)), int(space.start)
        return lambda action: rows[int(action) - start]
    low, high = np.ravel(space.low).astype(float), np.ravel(space.high).astype(float)
    return lambda action: (2 * np.ravel(action) - low - high) / (high - low)


def _mean_action_probe(env: Any) -> Probe:
    scaled = _scaled_action(env)
    return lambda observation, action: scaled(action)


def _energy_probe(env: Any) -> Probe:
    scaled = _scaled_action(env)
    return lambda observation, action: [float(np.square(scaled(action)).mean())]


MEASURES = {
    "energy": StepMeasure(lambda env: Measures(("mean squared action",), (0.0,), (1.0,), dims=(100,)), _energy_probe),
    "final_observation": final_observation(),
    "foot_contact": foot_contact(),
    "mean_action": StepMeasure(_action_space, _mean_action_probe),
    "position": StepMeasure(_position_space, _position_probe, "last"),
}


def register_measure(name: str, measure: StepMeasure) -> None:
    """Give a measure a name for ``Gym(measures=name)``; a name that is taken is refused."""
    if name in MEASURES:
        raise QDError(f"register_measure: {name!r} is taken; choose another name")
    MEASURES[name] = measure
