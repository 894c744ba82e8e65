"""The ball collector in plain Python, written from its rules: slow and obvious."""

import math

import numpy as np

from tests.twins import hard_maze as robot

BALLS = [(75, 75), (75, 540), (225, 540), (450, 450), (450, 75), (225, 225)]
HOME = (100, 500)


def walls():
    """(200, 200) of bool, [y, x]."""
    rows = []
    for y in range(200):
        row = [False] * 200
        for x in range(200):
            frame = min(x, y) < 5 or max(x, y) >= 195
            shelf = 99 <= y <= 101 and (x <= 126 or x >= 174)
            divider = 99 <= x <= 101 and (102 <= y <= 126 or y >= 174)
            row[x] = frame or shelf or divider
        rows.append(row)
    return np.array(rows)


def sees(grid, pose, light, low, high, exact=math.atan2):
    """Whether a light lies between two angles [degrees] of the heading with no wall in between."""
    dx, dy = light[0] - pose[0], light[1] - pose[1]
    if dx == 0 and dy == 0:
        return False
    angle = math.degrees(exact(dy, dx) - pose[2])
    while angle > 180:
        angle -= 360
    while angle <= -180:
        angle += 360
    if not low < angle < high:
        return False
    ends = [robot.pixel(v) for v in (*light, pose[0], pose[1])]
    return not any(grid[b, a] for entered in robot.line(*ends) for a, b in entered)


class World:
    """Where the robot and the balls are."""

    def __init__(self, grid, start):
        self.grid, self.pose, self.bumped = grid, start, (0.0, 0.0)
        self.lying = dict(enumerate(BALLS))
        self.carried = None
        self.delivered = []
        self.collisions = 0

    def observe(self):
        lasers = robot.observe(self.grid, self.pose, self.bumped, robot.exact_sincos)
        lights = []
        for group in (self.lying.values(), [HOME]):
            for low, high in ((-45, 5), (-5, 45)):
                lights.append(float(any(sees(self.grid, self.pose, light, low, high) for light in group)))
        return [*lasers, *lights, float(self.carried is not None)]

    def step(self, left, right, grip):
        x, y, heading = robot.drive(self.pose, 2 * left, 2 * right, robot.exact_sincos)
        touching = robot.collisions(self.grid, x, y)
        if touching:
            self.collisions += 1
            self.pose, self.bumped = (self.pose[0], self.pose[1], heading), robot.bumpers(touching, heading)
        else:
            self.pose, self.bumped = (x, y, heading), (0.0, 0.0)
        here = self.pose[:2]
        if grip > 0 and self.carried is None:
            near = [ball for ball in sorted(self.lying) if math.dist(self.lying[ball], here) < 10]
            if near:
                self.carried = near[0]
                del self.lying[near[0]]
        elif grip <= 0 and self.carried is not None:
            if math.dist(HOME, here) < 10:
                self.delivered.append(self.carried)
            else:
                self.lying[self.carried] = here
            self.carried = None

    def balls(self):
        places = dict.fromkeys(self.delivered, HOME) | self.lying
        if self.carried is not None:
            places[self.carried] = self.pose[:2]
        return np.array([places[ball] for ball in range(len(BALLS))], float)
