"""The deceptive maze in plain Python, written from its rules: slow and obvious."""

import math

import numpy as np

WALLS = [  # both ends
    ((41, 5), (3, 8)), ((3, 8), (4, 49)), ((4, 49), (57, 53)), ((4, 49), (7, 202)), ((7, 202), (195, 198)),
    ((195, 198), (186, 8)), ((186, 8), (39, 5)), ((56, 54), (56, 157)), ((57, 106), (158, 162)),
    ((77, 201), (108, 164)), ((6, 80), (33, 121)), ((192, 146), (87, 91)), ((56, 55), (133, 30)),
]  # fmt: skip
GOAL = (31, 20)


def to_wall(x, y, wall):
    """Distance of a point from a wall."""
    a, b = np.array(wall, float)
    t = np.clip(np.dot([x, y] - a, b - a) / np.dot(b - a, b - a), 0, 1)
    return math.dist((x, y), a + t * (b - a))


def sight(x, y, degrees):
    """How far the first wall is, at most 100: the ray and each wall as a linear system."""
    u = np.array([math.cos(math.radians(degrees)), math.sin(math.radians(degrees))])
    best = 100.0
    for wall in WALLS:
        a, b = np.array(wall, float)
        system = np.column_stack([u, a - b])
        if abs(np.linalg.det(system)) > 1e-12:
            along, t = np.linalg.solve(system, a - [x, y])
            if along >= 0 and 0 <= t <= 1:
                best = min(best, along)
    return best


def observation(x, y, heading):
    bearing = (math.degrees(math.atan2(GOAL[1] - y, GOAL[0] - x)) - heading) % 360
    quarters = [bearing >= 315 or bearing < 45, 45 <= bearing < 135, 135 <= bearing < 225, 225 <= bearing < 315]
    sights = [sight(x, y, heading + d) / 100 for d in (-90, -45, 0, 45, 90, -180)]
    return np.array([1.0, *sights, *map(float, quarters)])


def step(pose, action):
    """(x, y, heading, angular velocity, speed, blocked) after one action of the network's raw outputs."""
    x, y, heading, turning, speed, blocked = pose
    velocities = []
    for now, output in ((turning, action[0]), (speed, action[1])):
        wanted = (np.clip(output + 0.5, 0, 1) - 0.5) * 6
        velocities.append(float(np.clip(now + np.clip(wanted - now, -0.2, 0.2), -3, 3)))
    turning, speed = velocities
    nx, ny = x + speed * math.cos(math.radians(heading)), y + speed * math.sin(math.radians(heading))
    if min(to_wall(nx, ny, wall) for wall in WALLS) < 8:
        blocked += 1
    else:
        x, y = nx, ny
    return x, y, (heading + turning) % 360, turning, speed, blocked
