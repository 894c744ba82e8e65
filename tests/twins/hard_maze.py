"""The hard maze in plain Python, written from its rules: slow and obvious."""

import math
from itertools import pairwise

import numpy as np

from tests.twins import raster

UNITS = 3.0
SIDE = 200
SEGMENTS = [  # (x0, y0), (x1, y1), thickness [units]
    ((0, 132), (174, 148), 21),
    ((174, 148), (397, 78), 20),
    ((174, 153), (174, 456), 15),
    ((180, 308), (461, 465), 17),
    ((0, 216), (107, 347), 20),
    ((257, 256), (600, 436), 16.5),
    ((219, 591), (322, 472), 18),
]


def walls():
    """(200, 200) of bool, [y, x]: the frame, and every pixel whose centre lies inside a thick segment."""
    grid = np.zeros((SIDE, SIDE), bool)
    for row in range(SIDE):
        for column in range(SIDE):
            if min(row, column) < 3 or max(row, column) >= SIDE - 3:
                grid[row, column] = True
    y, x = np.mgrid[0:SIDE, 0:SIDE] * UNITS + UNITS / 2
    for (x0, y0), (x1, y1), thickness in SEGMENTS:
        squared = (x1 - x0) ** 2 + (y1 - y0) ** 2
        u = ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / squared
        distance = np.hypot(x - x0 - u * (x1 - x0), y - y0 - u * (y1 - y0))
        grid |= (u >= 0) & (u <= 1) & (distance < thickness / 2 - 1e-9)
    return grid


def pixel(v):
    return math.floor(v / UNITS + 0.5)


def collisions(grid, x, y):
    """Wall pixels within 3 pixels of the robot's pixel, as offsets."""
    px, py = pixel(x), pixel(y)
    return [(dx, dy) for dx in range(-3, 4) for dy in range(-3, 4) if dx * dx + dy * dy <= 9 and grid[py + dy, px + dx]]


def bumpers(touching, heading):
    """(left, right): whether a touching pixel lies in the quarter turn to the left or right of the heading."""
    left = right = 0.0
    for dx, dy in touching:
        bearing = math.atan2(dy, dx) - heading
        while bearing > math.pi:
            bearing -= 2 * math.pi
        while bearing <= -math.pi:
            bearing += 2 * math.pi
        if 0 < bearing < math.pi / 2:
            right = 1.0
        if -math.pi / 2 < bearing < 0:
            left = 1.0
    return left, right


def line(x0, y0, x1, y1):
    """Supercover Bresenham by its error term: for each step the main pixel and the others that it enters."""
    dx, dy = abs(x1 - x0), abs(y1 - y0)
    sx, sy = (1 if x1 > x0 else -1), (1 if y1 > y0 else -1)
    steep = dy > dx
    if steep:
        dx, dy = dy, dx
    error = previous = dx
    v = 0
    for u in range(1, dx + 1):
        error += 2 * dy
        entered = []
        if error > 2 * dx:
            v += 1
            error -= 2 * dx
            if error + previous <= 2 * dx:
                entered.append((u, v - 1))
            if error + previous >= 2 * dx:
                entered.append((u - 1, v))
        entered.insert(0, (u, v))
        previous = error
        if steep:
            entered = [(b, a) for a, b in entered]
        yield [(x0 + sx * a, y0 + sy * b) for a, b in entered]


def laser(grid, x, y, sine, cosine):
    """Distance from the robot to the pixel of the first step that meets a wall; 100 if none within 100 units."""
    for entered in line(pixel(x), pixel(y), pixel(x + 100 * cosine), pixel(y + 100 * sine)):
        if any(grid[b, a] for a, b in entered):
            a, b = entered[0]
            return math.sqrt((a * UNITS - x) ** 2 + (b * UNITS - y) ** 2)
    return 100.0


def observe(grid, pose, bumped, sincos):
    x, y, heading = pose
    return [laser(grid, x, y, *sincos(heading + turn)) for turn in (math.pi / 4, 0, -math.pi / 4)] + list(bumped)


def act(weights, sizes, observation, tanh):
    """tanh(x / 2) in every layer, one bias a layer."""
    units, at = list(observation), 0
    for n_in, n_out in pairwise(sizes):
        matrix, bias = weights[at : at + n_in * n_out], weights[at + n_in * n_out]
        at += n_in * n_out + 1
        sums = []
        for j in range(n_out):
            total = float(bias)
            for i in range(n_in):
                total += units[i] * float(matrix[i * n_out + j])
            sums.append(total)
        units = [tanh(0.5 * total) for total in sums]
    return units


def drive(pose, left, right, sincos):
    """The differential drive on its arc, wheel base 20, before any collision."""
    x, y, heading = pose
    alpha = (right - left) / 20
    sine, cosine = sincos(heading)
    if abs(alpha) > 1e-10:
        rho = left / alpha + 10
        dx = -2 * rho * math.sin(alpha / 2) ** 2  # rho (cos alpha - 1)
        dy = rho * math.sin(alpha)
        x, y = x + sine * dx + cosine * dy, y - cosine * dx + sine * dy  # turned by heading - 90 degrees
        heading += alpha
    else:
        x, y = x + left * cosine, y + left * sine
    if heading > math.pi:
        heading -= 2 * math.pi
    if heading <= -math.pi:
        heading += 2 * math.pi
    return x, y, heading


def exact_sincos(heading):
    return math.sin(heading), math.cos(heading)


def step(grid, pose, bumped, weights, sizes, tanh=math.tanh, sincos=exact_sincos):
    """(pose, (left, right), collided) after one step."""
    left, right = act(weights, sizes, observe(grid, pose, bumped, sincos), tanh)
    x, y, heading = drive(pose, left, right, sincos)
    touching = collisions(grid, x, y)
    if touching:
        return (pose[0], pose[1], heading), bumpers(touching, heading), True
    return (x, y, heading), (0.0, 0.0), False


def episode(grid, weights, sizes, steps, start, tanh=math.tanh, sincos=exact_sincos):
    """Poses (steps + 1, 3) and the number of collisions."""
    pose, bumped, count, poses = start, (0.0, 0.0), 0, [start]
    for _ in range(steps):
        pose, bumped, collided = step(grid, pose, bumped, weights, sizes, tanh, sincos)
        count += collided
        poses.append(pose)
    return np.array(poses), count


AREAS = [(60, 60, 50), (100, 200, 50)]  # x, y, radius [units]


def picture(size, robots, radius=10.0):
    """(size, size, 3) as floats: the map averaged over each pixel, then areas and robots [units]."""
    fine = np.repeat(np.repeat(walls(), 8, 0), 8, 1)  # (1600, 1600)
    side = len(fine) // size
    free = 1.0 - fine.reshape(size, side, size, side).mean(axis=(1, 3))
    canvas = np.repeat(255.0 * free[:, :, None], 3, axis=2)
    discs = [(*area, (255, 0, 0)) for area in AREAS] + [(x, y, radius, (0, 0, 255)) for x, y in robots]
    for x, y, r, colour in discs:
        column, row = ((v / UNITS + 0.5) * size / SIDE for v in (x, y))
        canvas = raster.painted(canvas, raster.disc(size, column, row, r / UNITS * size / SIDE), colour)
    return canvas
