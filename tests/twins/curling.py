"""The curling table in plain Python, written from its rules. Places and velocities are complex numbers, x + i y."""

import math

from tests.twins import mlp

DT, ROOM, RADIUS, INSIDE = 1 / 60, 1.3, 0.15, 1.45
PIVOT = -1.5j  # of the base
LIMITS = (0.4 * math.pi, 0.9 * math.pi)
ARM_FRICTION, WALL_FRICTION = 0.9, math.sqrt(0.18)


def dot(a, b):
    return a.real * b.real + a.imag * b.imag


def cross(a, b):
    return a.real * b.imag - a.imag * b.real


def clamp(v, most):
    return min(max(v, -most), most)


def inside(place):
    return complex(clamp(place.real, ROOM), clamp(place.imag, ROOM))


def along(angle):
    return 1j * complex(math.cos(angle), math.sin(angle))  # angle 0 is upright


class Arm:
    """Joint angles, and what follows from them; ``was`` are the angles at the step's beginning."""

    def __init__(self, angles, was):
        self.angles, self.was = list(angles), list(was)

    @property
    def elbow(self):
        return PIVOT + along(self.angles[0])

    @property
    def links(self):
        """Middle and direction of the inner and the outer link."""
        inner, outer = along(self.angles[0]), along(sum(self.angles))
        return (PIVOT + 0.5 * inner, inner), (self.elbow + 0.4 * outer, outer)

    def corners(self):
        middle, direction = self.links[1]
        return [middle + direction * complex(a, b) for a in (0.5, -0.5) for b in (0.05, -0.05)]

    def overlap(self):
        """How far the outer link is in a wall, the wall's outward direction, and the corner."""
        found = []
        for corner in self.corners():
            out = 1 if corner.real > 0 else -1
            found += [(abs(corner.real) - INSIDE, complex(out, 0), corner), (-corner.imag - INSIDE, -1j, corner)]
        return max(found, key=lambda item: item[0])

    def levers(self, place, direction):
        """How fast the arm's place advances in a direction per speed of each joint."""
        return [dot(1j * (place - pivot), direction) for pivot in (PIVOT, self.elbow)]

    def give_way(self, depth, levers):
        wanted = [
            clamp(angle - depth / lever, most) if lever else angle
            for angle, lever, most in zip(self.angles, levers, LIMITS, strict=True)
        ]
        joint = 0 if abs(levers[0]) > abs(levers[1]) else 1
        if joint == 0 and wanted[0] == self.angles[0]:
            joint = 1
        elif joint == 1 and wanted[1] == self.angles[1]:
            joint = 0
        self.angles[joint] = wanted[joint]

    def velocity(self, outer, place):
        speeds = [(now - was) / DT for now, was in zip(self.angles, self.was, strict=True)]
        found = speeds[0] * 1j * (place - PIVOT)
        return found + speeds[1] * 1j * (place - self.elbow) if outer else found

    def touch(self, outer, ball):
        """Depth of the ball in a link, direction out of it, and the place on the link."""
        middle, direction = self.links[outer]
        local = (ball - middle) / direction  # real part along, imaginary part across
        near = complex(clamp(local.real, 0.5), clamp(local.imag, 0.05))
        away = local - near
        if abs(away) > 0:
            return RADIUS - abs(away), away / abs(away) * direction, middle + near * direction
        if 0.05 - abs(local.imag) < 0.5 - abs(local.real):
            side = math.copysign(1.0, local.imag)
            near = complex(local.real, 0.05 * side)
            return RADIUS + 0.05 - abs(local.imag), 1j * side * direction, middle + near * direction
        side = math.copysign(1.0, local.real)
        near = complex(0.5 * side, local.imag)
        return RADIUS + 0.5 - abs(local.real), side * direction, middle + near * direction


def clear_of_walls(arm):
    for _ in range(6):
        depth, direction, corner = arm.overlap()
        if depth <= 1e-12:
            return
        arm.give_way(depth, arm.levers(corner, direction))
    if arm.overlap()[0] > 1e-6:
        arm.angles = list(arm.was)


def caught(arm, link, wall, ball):
    """(velocity, spin) of a ball rolling between a link (direction, place, outer) and a wall's direction, or None."""
    direction, place, outer = link
    if dot(direction, wall) > -(1 - 0.18) / (1 + 0.18):
        return None
    pivot = ball - RADIUS * wall  # the ball turns about its place on the wall
    arms = place - pivot
    if dot(arm.velocity(outer, place), arms) >= 0:
        return None
    turns = [now - was for now, was in zip(arm.angles, arm.was, strict=True)]
    reach = [place - PIVOT, place - arm.elbow]
    levers = [cross(arms, r) for r in reach]
    if not outer:
        turn, turns = 0.0, [0.0, turns[1]]
    else:
        yields = 0 if abs(levers[0]) > abs(levers[1]) else 1
        moves = turns[1 - yields] * reach[1 - yields]
        turn = cross(moves, reach[yields]) / levers[yields]
        turns[yields] = cross(moves, arms) / levers[yields]
    arm.angles = [clamp(was + by, most) for was, by, most in zip(arm.was, turns, LIMITS, strict=True)]
    turn = clamp(turn, 0.5)
    return turn / DT * 1j * (ball - pivot), turn / DT


def settle(arm, ball, free, velocity, spin):
    """Ball, velocity and spin after the contacts of one step; ``ball`` was its place before, ``free`` is it now."""
    at, links, walls = free, [], {}
    for axis in (1, 1j):
        over = dot(at, axis)
        if abs(over) > ROOM:
            side = axis * math.copysign(1.0, over)
            at -= side * (abs(over) - ROOM) * (1.9 if dot(velocity, side) > 1 else 1.0)
            walls[axis] = -side
    for outer in (1, 0):
        depth, direction, place = arm.touch(outer, at)
        if depth > 0:
            links.append((direction, place, outer))
            if dot(velocity - arm.velocity(outer, place), direction) < -1:
                depth *= 1.9
            at += depth * direction
    for axis in (1, 1j):
        if abs(dot(at, axis)) > ROOM:
            walls[axis] = -axis * math.copysign(1.0, dot(at, axis))
    at, walls = inside(at), [walls[axis] for axis in (1, 1j) if axis in walls]
    if not links and not walls:
        return at, velocity, spin
    rolls = None
    if links:
        squeezed = len(links) == 1 and len(walls) == 1
        rolls = caught(arm, links[0], walls[0], at) if squeezed else None
        if rolls:
            at = inside(free)
        deepest = 1.0
        for _ in range(6):
            inner, direction, place = arm.touch(0, at)
            if inner > 1e-12 and len(links) == 2:
                at = inside(at + inner * direction)
            elif inner > 1e-12:
                arm.give_way(inner, [arm.levers(place, direction)[0], 0.0])
            depth, direction, place = arm.touch(1, at)
            if depth > 1e-12:
                before = at
                if squeezed and not rolls:
                    slope = cross(direction, walls[0])
                    if abs(slope) > 0.1:
                        at = inside(at - 1j * walls[0] * depth / slope)
                if at == before:
                    levers = arm.levers(place, direction)
                    arm.give_way(depth, levers if len(links) == 1 else [0.0, levers[1]])
            deepest = max(inner, depth)
            if deepest <= 1e-12:
                break
        if deepest > 1e-6 or arm.overlap()[0] > 1e-6:
            arm.angles, at = list(arm.was), ball
    if rolls:
        return at, *rolls
    places = [(direction, arm.velocity(outer, place), ARM_FRICTION) for direction, place, outer in links]
    places += [(wall, 0j, WALL_FRICTION) for wall in walls]
    part, push, rub = [], [0.0] * len(places), [0.0] * len(places)
    for direction, moves, _ in places:
        speed = dot(velocity - moves, direction)
        part.append(-0.9 * speed if speed < -1 else 0.0)
    for _ in range(1 if len(places) == 1 else 8):
        for k, (direction, moves, friction) in enumerate(places):
            surface = velocity - moves
            wanted = max(push[k] + part[k] - dot(surface, direction), 0.0)
            velocity += (wanted - push[k]) * direction
            push[k] = wanted
            slip = dot(surface, 1j * direction) - RADIUS * spin
            wanted = clamp(rub[k] - slip / 3, friction * push[k])
            velocity += (wanted - rub[k]) * 1j * direction
            spin -= 2 * (wanted - rub[k]) / RADIUS
            rub[k] = wanted
    return at, velocity, spin


def step(state, actions):
    """The nine numbers of the table after a step in which the joints are told their speeds."""
    x, y, base, elbow, _, _, vx, vy, spin = state
    was = [base, elbow]
    arm = Arm([clamp(a + DT * told, most) for a, told, most in zip(was, actions, LIMITS, strict=True)], was)
    clear_of_walls(arm)
    ball, velocity, spin = complex(x, y), complex(vx, vy) / (1 + 1.1 * DT), spin / (1 + 2 * DT)
    ball, velocity, spin = settle(arm, ball, ball + DT * velocity, velocity, spin)
    speeds = [(now - before) / DT for now, before in zip(arm.angles, was, strict=True)]
    return (ball.real, ball.imag, *arm.angles, *speeds, velocity.real, velocity.imag, spin)


def act(weights, sizes, state, tanh=math.tanh):
    return mlp.forward(weights, sizes, ["tanh_half"] * (len(sizes) - 1), "scalar", state[:6], mlp.rational(tanh))


def episode(weights, sizes, steps, tanh=math.tanh, start=(-0.5, 0.2, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)):
    """The table's numbers after each step."""
    states = [tuple(start)]
    for _ in range(steps):
        states.append(step(states[-1], act(weights, sizes, states[-1], tanh)))
    return states[1:]
