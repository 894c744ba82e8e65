"""The redundant arm in plain numpy, written from its rules: every rule is looked at in every substep."""

import math

import numpy as np

from tests.twins import mlp, raster

LINKS, LENGTH, DT = 20, 0.05, 0.01
START = np.linspace(math.pi / 5, math.pi / 20, LINKS)
WALLS = [(0.49, 0.51, 0.0, 0.2), (0.49, 0.51, 0.8, 1.0), (0.0, 0.2, 0.49, 0.51), (0.8, 1.0, 0.49, 0.51)]


def points(angles):
    """(21, 2) base and joints."""
    at, direction, found = np.array([0.5, 0.5]), math.pi / 2, [(0.5, 0.5)]
    for angle in angles:
        direction += angle
        at = at + LENGTH * np.array([math.cos(direction), math.sin(direction)])
        found.append(tuple(at))
    return np.array(found)


def place_is_legal(posture):
    for x, y in posture:
        if not (0 <= x < 1 and 0 <= y < 1):
            return False
        if any(x0 < x < x1 and y0 < y < y1 for x0, x1, y0, y1 in WALLS):
            return False
    dx = np.abs(posture[:, None, 0] - posture[None, :, 0])
    dy = np.abs(posture[:, None, 1] - posture[None, :, 1])
    return not (dx + dy < 0.0475)[~np.eye(len(posture), dtype=bool)].any()


def speed_is_legal(angles, after, speeds):
    hand = points(after)[-1] - points(angles)[-1]
    return math.hypot(*hand) / 2 + speeds[-1] <= 1


def step(angles, speeds, weights, sizes, tanh):
    """(angles, speeds, rule): rule 1 of speed or 2 of places ended the episode, 0 none."""
    layers = ["tanh_half"] * (len(sizes) - 1)
    actions = np.array(mlp.forward(weights, sizes, layers, "scalar", angles / math.pi, mlp.rational(tanh)))
    for _ in range(2):
        after = angles + speeds * DT + actions / 2 * DT**2
        if not speed_is_legal(angles, after, speeds):
            return angles, speeds, 1
        if not place_is_legal(points(after)):
            return angles, speeds, 2
        angles, speeds = after, (after - angles) / DT
    return angles, speeds, 0


def episode(weights, sizes, steps, tanh=math.tanh, start=START, speeds=None):
    """Joint angles after each step begun (steps + 1, 20), and the rule that ended the episode."""
    angles, speeds = np.array(start), np.zeros(LINKS) if speeds is None else np.array(speeds)
    poses, rule = [angles], 0
    while rule == 0 and len(poses) <= steps:
        angles, speeds, rule = step(angles, speeds, weights, sizes, tanh)
        poses.append(angles)
    return np.array(poses), rule


AREAS = [(0.25, 0.25, 0.05), (0.85, 0.85, 0.05), (0.25, 0.90, 0.05)]  # x, y, radius


def picture(size, posture):
    """(size, size, 3) as floats: walls, areas, then the arm (21, 2), 3 / 400 thick; y up."""
    canvas = np.full((size, size, 3), 255.0)
    for x0, x1, y0, y1 in WALLS:
        share = raster.rectangle(size, x0 * size, (1 - y1) * size, x1 * size, (1 - y0) * size)
        canvas = raster.painted(canvas, share, (0, 0, 0))
    for x, y, radius in AREAS:
        canvas = raster.painted(canvas, raster.disc(size, x * size, (1 - y) * size, radius * size), (255, 0, 0))
    places = np.stack([posture[:, 0], 1 - posture[:, 1]], axis=1) * size
    return raster.painted(canvas, raster.chain(size, places, 3 / 400 * size), (0, 0, 0))
