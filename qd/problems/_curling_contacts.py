"""What the bodies on the curling table do to each other, one table at a time: arm and walls, ball and everything.

An arm that must not go on, because a wall or a ball with no room left is in its way, gives way at one joint: that with
the longer lever about the touching place, since of two motors of the same strength it is overpowered first.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from qd.policies._mlp_kernel import LANES
from qd.problems._trig import sincos_turns
from qd.problems.curling import (
    BALL_RADIUS,
    BASE_Y,
    BORNE,
    BOUNCING_SPEED,
    DT,
    ELBOW,
    FRICTION_ARM,
    FRICTION_WALL,
    HALF_LENGTH,
    HALF_WIDTH,
    LIMITS,
    RESTITUTION,
    TAIL,
    WALL,
)

# Slots of the lanes' numbers. The observation comes first, as the network reads it.
X, Y, BASE, ARM, BASE_SPEED, ARM_SPEED = 0, 1, 2, 3, 4, 5  # ball, joint angles, joint speeds
VX, VY, SPIN = 6, 7, 8  # of the ball
NEXT_X, NEXT_Y, NEXT_BASE, NEXT_ARM = 9, 10, 11, 12  # where ball and joints will be
SINE0, COSINE0, SINE, COSINE = 13, 14, 15, 16  # of the angles of the links to upright, joints at NEXT_*
STUCK, TOUCHING = 17, 18  # whether a wall is in the arm's way, whether the ball meets something
SLOTS = 19  # so many

PER_TURN = 1.0 / (2.0 * np.pi)
RATE = 1.0 / DT
BASE_LIMIT, ARM_LIMIT = LIMITS
MIDDLE = HALF_LENGTH - TAIL  # from the elbow to the middle of the outer link
ROOM = WALL - BALL_RADIUS  # how far from the middle of the table the ball can be
EXACT = 1e-12  # overlap that is aimed at
TRIES = 6

# A touching place: direction from what is touched to the ball, the touched body's velocity, friction, the speed
# at which they are to part, impulses so far (normal and along the surface), all for a ball of mass 1.
NX, NY, UX, UY, MU, PART, PUSH, RUB = 0, 1, 2, 3, 4, 5, 6, 7
PLACE = 8  # numbers a place
SPOT = 3  # of a place on a link also: x, y, and whether it is the outer one
ROUNDS = 8  # in which the impulses of several places are settled
CAUGHT = (1.0 - FRICTION_WALL**2) / (1.0 + FRICTION_WALL**2)  # cosine of the widest angle in which friction holds
SLOPE = 0.1  # against a wall, from which on a link moves the ball along it
MOST_TURN = 0.5  # [rad] of a caught ball in a step


@njit(cache=True, nogil=True, error_model="numpy")
def turned(lanes, w):  # type: ignore[no-untyped-def]
    """Bring the links' directions up to date with NEXT_BASE and NEXT_ARM."""
    base = lanes[NEXT_BASE * LANES + w]
    sine, cosine = sincos_turns(base * PER_TURN)
    lanes[SINE0 * LANES + w], lanes[COSINE0 * LANES + w] = sine, cosine
    sine, cosine = sincos_turns((base + lanes[NEXT_ARM * LANES + w]) * PER_TURN)
    lanes[SINE * LANES + w], lanes[COSINE * LANES + w] = sine, cosine


@njit(cache=True, nogil=True, error_model="numpy")
def give_way(lanes, w, depth, lever0, lever1):  # type: ignore[no-untyped-def]
    """Turn one joint back so far that a place of the arm retreats by ``depth``.

    ``lever0`` and ``lever1`` are the speeds at which it advances per speed of the base and of the elbow. The longer
    one yields, unless its joint is at its limit.
    """
    base, arm = lanes[NEXT_BASE * LANES + w], lanes[NEXT_ARM * LANES + w]
    to_base = min(max(base - depth / lever0, -BASE_LIMIT), BASE_LIMIT) if lever0 != 0.0 else base
    to_arm = min(max(arm - depth / lever1, -ARM_LIMIT), ARM_LIMIT) if lever1 != 0.0 else arm
    if (abs(lever0) > abs(lever1) and to_base != base) or to_arm == arm:
        lanes[NEXT_BASE * LANES + w] = to_base
    else:
        lanes[NEXT_ARM * LANES + w] = to_arm
    turned(lanes, w)


@njit(cache=True, nogil=True, error_model="numpy")
def stay(lanes, w):  # type: ignore[no-untyped-def]
    """The joints do not move in this step."""
    lanes[NEXT_BASE * LANES + w], lanes[NEXT_ARM * LANES + w] = lanes[BASE * LANES + w], lanes[ARM * LANES + w]
    turned(lanes, w)


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def beyond(sine0, cosine0, sine, cosine):  # type: ignore[no-untyped-def]
    """How far the outer link reaches into a side wall, and into the wall of the base; negative if not."""
    x, y = -ELBOW * sine0 - MIDDLE * sine, BASE_Y + ELBOW * cosine0 + MIDDLE * cosine
    side = abs(x) + HALF_LENGTH * abs(sine) + HALF_WIDTH * abs(cosine) - WALL
    return side, HALF_LENGTH * abs(cosine) + HALF_WIDTH * abs(sine) - y - WALL


@njit(cache=True, nogil=True, error_model="numpy")
def clear_of_walls(lanes, w):  # type: ignore[no-untyped-def]
    """Let the arm give way to the walls; it stays where that fails."""
    for _ in range(TRIES):
        sine0, cosine0 = lanes[SINE0 * LANES + w], lanes[COSINE0 * LANES + w]
        sine, cosine = lanes[SINE * LANES + w], lanes[COSINE * LANES + w]
        side, bottom = beyond(sine0, cosine0, sine, cosine)
        if side <= EXACT and bottom <= EXACT:
            return
        # The corner that is furthest out, seen from the elbow: the link goes along (-sine, cosine).
        elbow_x, elbow_y = -ELBOW * sine0, ELBOW * cosine0  # from the base
        if side > bottom:
            out = 1.0 if elbow_x - MIDDLE * sine > 0.0 else -1.0
            ahead = MIDDLE + (HALF_LENGTH if -sine * out > 0.0 else -HALF_LENGTH)
            across = HALF_WIDTH if cosine * out > 0.0 else -HALF_WIDTH
            y = ahead * cosine + across * sine
            give_way(lanes, w, side, -out * (elbow_y + y), -out * y)
        else:
            ahead = MIDDLE + (HALF_LENGTH if cosine < 0.0 else -HALF_LENGTH)
            across = HALF_WIDTH if sine < 0.0 else -HALF_WIDTH
            x = -ahead * sine + across * cosine
            give_way(lanes, w, bottom, -(elbow_x + x), -x)
    side, bottom = beyond(
        lanes[SINE0 * LANES + w], lanes[COSINE0 * LANES + w], lanes[SINE * LANES + w], lanes[COSINE * LANES + w]
    )
    if max(side, bottom) > BORNE:
        stay(lanes, w)


@njit(cache=True, nogil=True, error_model="numpy")
def touch(lanes, w, outer, x, y):  # type: ignore[no-untyped-def]
    """How deep a ball at (x, y) is in a link, the direction out of it, and the touching place."""
    sine, cosine = lanes[SINE0 * LANES + w], lanes[COSINE0 * LANES + w]
    middle_x, middle_y = -HALF_LENGTH * sine, BASE_Y + HALF_LENGTH * cosine
    if outer:
        middle_x, middle_y = -ELBOW * sine, BASE_Y + ELBOW * cosine
        sine, cosine = lanes[SINE * LANES + w], lanes[COSINE * LANES + w]
        middle_x, middle_y = middle_x - MIDDLE * sine, middle_y + MIDDLE * cosine
    dx, dy = x - middle_x, y - middle_y
    ahead, across = dy * cosine - dx * sine, dx * cosine + dy * sine
    near_ahead = min(max(ahead, -HALF_LENGTH), HALF_LENGTH)
    near_across = min(max(across, -HALF_WIDTH), HALF_WIDTH)
    out_ahead, out_across = ahead - near_ahead, across - near_across
    distance = np.sqrt(out_ahead * out_ahead + out_across * out_across)
    if distance > 0.0:
        out_ahead, out_across = out_ahead / distance, out_across / distance
    elif HALF_WIDTH - abs(across) < HALF_LENGTH - abs(ahead):  # the centre is inside: out by the shortest way
        out_across = 1.0 if across >= 0.0 else -1.0
        distance = abs(across) - HALF_WIDTH
        near_across = out_across * HALF_WIDTH
    else:
        out_ahead = 1.0 if ahead >= 0.0 else -1.0
        distance = abs(ahead) - HALF_LENGTH
        near_ahead = out_ahead * HALF_LENGTH
    return (
        BALL_RADIUS - distance,
        out_across * cosine - out_ahead * sine,
        out_across * sine + out_ahead * cosine,
        middle_x + near_across * cosine - near_ahead * sine,
        middle_y + near_across * sine + near_ahead * cosine,
    )


@njit(cache=True, nogil=True, error_model="numpy")
def velocity(lanes, w, outer, x, y):  # type: ignore[no-untyped-def]
    """Velocity of the link's material at (x, y), by how the joints move in this step."""
    base = (lanes[NEXT_BASE * LANES + w] - lanes[BASE * LANES + w]) * RATE
    if not outer:
        return -base * (y - BASE_Y), base * x
    both = base + (lanes[NEXT_ARM * LANES + w] - lanes[ARM * LANES + w]) * RATE
    elbow_x, elbow_y = -ELBOW * lanes[SINE0 * LANES + w], ELBOW * lanes[COSINE0 * LANES + w]  # from the base
    return (
        -base * elbow_y - both * (y - BASE_Y - elbow_y),
        base * elbow_x + both * (x - elbow_x),
    )


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def meet(places, count, nx, ny, friction):  # type: ignore[no-untyped-def]
    """Note a touching place whose body stands still."""
    at = count * PLACE
    places[at + NX], places[at + NY], places[at + MU] = nx, ny, friction
    places[at + UX] = places[at + UY] = places[at + PUSH] = places[at + RUB] = 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def caught(lanes, w, places, spots, x, y):  # type: ignore[no-untyped-def]
    """Whether a ball at (x, y) that meets a link (place 0) and a wall (place 1) is caught between them; then it rolls.

    Both push along the line through the touching places. Where that lies within the friction of both, nothing slips:
    the ball turns about its place on the wall, and one joint follows the other one's motion.
    """
    outer, qx, qy = spots[2] > 0.0, spots[0], spots[1]
    if places[NX] * places[PLACE + NX] + places[NY] * places[PLACE + NY] > -CAUGHT:
        return False
    wall_x, wall_y = x - BALL_RADIUS * places[PLACE + NX], y - BALL_RADIUS * places[PLACE + NY]
    ax, ay = qx - wall_x, qy - wall_y
    ux, uy = velocity(lanes, w, outer, qx, qy)
    if ux * ax + uy * ay >= 0.0:  # the link does not press
        return False
    base = lanes[NEXT_BASE * LANES + w] - lanes[BASE * LANES + w]
    arm = lanes[NEXT_ARM * LANES + w] - lanes[ARM * LANES + w]
    b0x, b0y = qx, qy - BASE_Y  # from the joints to the place
    b1x, b1y = qx + ELBOW * lanes[SINE0 * LANES + w], qy - BASE_Y - ELBOW * lanes[COSINE0 * LANES + w]
    lever0, lever1 = ax * b0y - ay * b0x, ax * b1y - ay * b1x
    # turn * a = base * b0 + arm * b1, for the turn of the ball and that of the joint with the longer lever
    if not outer:
        turn, base = 0.0, 0.0
    elif abs(lever0) > abs(lever1):
        turn, base = arm * (b1x * b0y - b1y * b0x) / lever0, arm * (b1x * ay - b1y * ax) / lever0
    else:
        turn, arm = base * (b0x * b1y - b0y * b1x) / lever1, base * (b0x * ay - b0y * ax) / lever1
    lanes[NEXT_BASE * LANES + w] = min(max(lanes[BASE * LANES + w] + base, -BASE_LIMIT), BASE_LIMIT)
    lanes[NEXT_ARM * LANES + w] = min(max(lanes[ARM * LANES + w] + arm, -ARM_LIMIT), ARM_LIMIT)
    turned(lanes, w)
    turn = min(max(turn, -MOST_TURN), MOST_TURN)
    lanes[VX * LANES + w], lanes[VY * LANES + w] = -turn * RATE * (y - wall_y), turn * RATE * (x - wall_x)
    lanes[SPIN * LANES + w] = turn * RATE
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def settle(lanes, w, places, spots):  # type: ignore[no-untyped-def]
    """Move the ball out of everything it meets, or the arm out of the ball; then exchange impulses.

    What is left of the step after a bounce is spent at the speed after it.
    """
    x, y = lanes[NEXT_X * LANES + w], lanes[NEXT_Y * LANES + w]
    vx, vy, spin = lanes[VX * LANES + w], lanes[VY * LANES + w], lanes[SPIN * LANES + w]
    wall_x, wall_y = 0.0, 0.0  # towards the walls that are met
    if abs(x) > ROOM:
        wall_x = 1.0 if x > 0.0 else -1.0
        x = wall_x * (ROOM - (RESTITUTION * (abs(x) - ROOM) if vx * wall_x > BOUNCING_SPEED else 0.0))
    if abs(y) > ROOM:
        wall_y = 1.0 if y > 0.0 else -1.0
        y = wall_y * (ROOM - (RESTITUTION * (abs(y) - ROOM) if vy * wall_y > BOUNCING_SPEED else 0.0))
    count = 0
    for outer in (1, 0):
        depth, nx, ny, qx, qy = touch(lanes, w, outer, x, y)
        if depth > 0.0:
            meet(places, count, nx, ny, FRICTION_ARM)
            spots[count * SPOT], spots[count * SPOT + 1], spots[count * SPOT + 2] = qx, qy, outer
            ux, uy = velocity(lanes, w, outer, qx, qy)
            if (vx - ux) * nx + (vy - uy) * ny < -BOUNCING_SPEED:
                depth += RESTITUTION * depth
            x, y = x + depth * nx, y + depth * ny
            count += 1
    links = count
    if abs(x) > ROOM:
        wall_x = 1.0 if x > 0.0 else -1.0
        x = wall_x * ROOM
    if abs(y) > ROOM:
        wall_y = 1.0 if y > 0.0 else -1.0
        y = wall_y * ROOM
    if wall_x != 0.0:
        meet(places, count, -wall_x, 0.0, FRICTION_WALL)
        count += 1
    if wall_y != 0.0:
        meet(places, count, 0.0, -wall_y, FRICTION_WALL)
        count += 1
    if links > 0:
        held = links == 1 and count == 2 and caught(lanes, w, places, spots, x, y)
        if held:
            x = min(max(lanes[NEXT_X * LANES + w], -ROOM), ROOM)
            y = min(max(lanes[NEXT_Y * LANES + w], -ROOM), ROOM)
        fits = False
        for _ in range(TRIES):
            inner, nx, ny, qx, qy = touch(lanes, w, 0, x, y)
            if inner > EXACT and links == 2:  # between the links: the elbow is to give way
                x, y = min(max(x + inner * nx, -ROOM), ROOM), min(max(y + inner * ny, -ROOM), ROOM)
            elif inner > EXACT:
                give_way(lanes, w, inner, nx * (BASE_Y - qy) + ny * qx, 0.0)
            depth, nx, ny, qx, qy = touch(lanes, w, 1, x, y)
            if depth > EXACT:
                along = 0.0
                if count == 2 and links == 1 and not held:  # along the wall, if there is room
                    along = nx * places[PLACE + NY] - ny * places[PLACE + NX]
                before_x, before_y = x, y
                if abs(along) > SLOPE:
                    x = min(max(x + depth / along * places[PLACE + NY], -ROOM), ROOM)
                    y = min(max(y - depth / along * places[PLACE + NX], -ROOM), ROOM)
                if x == before_x and y == before_y:
                    elbow_x, elbow_y = -ELBOW * lanes[SINE0 * LANES + w], BASE_Y + ELBOW * lanes[COSINE0 * LANES + w]
                    lever0 = nx * (BASE_Y - qy) + ny * qx if links < 2 else 0.0
                    give_way(lanes, w, depth, lever0, nx * (elbow_y - qy) + ny * (qx - elbow_x))
            fits = max(depth, inner) <= BORNE
            if max(depth, inner) <= EXACT:
                break
        side, bottom = beyond(
            lanes[SINE0 * LANES + w], lanes[COSINE0 * LANES + w], lanes[SINE * LANES + w], lanes[COSINE * LANES + w]
        )
        if not fits or max(side, bottom) > BORNE:
            stay(lanes, w)
            x, y = lanes[X * LANES + w], lanes[Y * LANES + w]
        if held:
            lanes[NEXT_X * LANES + w], lanes[NEXT_Y * LANES + w] = x, y
            return
        for k in range(links):
            at, spot = k * PLACE, k * SPOT
            ux, uy = velocity(lanes, w, spots[spot + 2] > 0.0, spots[spot], spots[spot + 1])
            places[at + UX], places[at + UY] = ux, uy
    lanes[NEXT_X * LANES + w], lanes[NEXT_Y * LANES + w] = x, y
    for k in range(count):
        at = k * PLACE
        apart = (vx - places[at + UX]) * places[at + NX] + (vy - places[at + UY]) * places[at + NY]
        places[at + PART] = -RESTITUTION * apart if apart < -BOUNCING_SPEED else 0.0
    for _ in range(1 if count == 1 else ROUNDS):  # a single place is settled at once
        for k in range(count):
            at = k * PLACE
            nx, ny = places[at + NX], places[at + NY]
            wx, wy = vx - places[at + UX], vy - places[at + UY]
            push = max(places[at + PUSH] + places[at + PART] - wx * nx - wy * ny, 0.0)
            change = push - places[at + PUSH]
            vx, vy, places[at + PUSH] = vx + change * nx, vy + change * ny, push
            # Along (-ny, nx) the ball's rim moves with its spin too, and a disc resists there with a third of its mass.
            most = places[at + MU] * push
            rub = places[at + RUB] - (wy * nx - wx * ny - BALL_RADIUS * spin) / 3.0
            rub = min(max(rub, -most), most)
            change = rub - places[at + RUB]
            vx, vy, places[at + RUB] = vx - change * ny, vy + change * nx, rub
            spin -= 2.0 * change / BALL_RADIUS
    lanes[VX * LANES + w], lanes[VY * LANES + w], lanes[SPIN * LANES + w] = vx, vy, spin
