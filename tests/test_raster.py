"""Painting inside kernels against counted samples, closed forms and the area that a shape has."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qd.problems import _raster as raster
from tests.twins import raster as twin

SIZE = 12
TOLERANCE = 255 * 0.02 + 0.5  # samples miss up to 2 % of a pixel; levels are rounded
COLOUR = (10, 200, 90)


def blank(size=SIZE):
    return np.full((size, size, 3), 255, np.uint8)


def ink(canvas):
    """How much of a black shape is on a white canvas [pixels]."""
    return float((255.0 - canvas[:, :, 0]).sum() / 255.0)


place = st.floats(-4.0, SIZE + 4.0)
length = st.floats(0.05, 9.0)


@settings(max_examples=30, deadline=None)
@given(place, place, length)
def test_discs_are_the_twins(x, y, radius):
    canvas = blank()
    raster.disc(canvas, x, y, radius, COLOUR)
    assert np.abs(canvas - twin.painted(blank(), twin.disc(SIZE, x, y, radius), COLOUR)).max() <= TOLERANCE


@settings(max_examples=30, deadline=None)
@given(place, place, length, length)
def test_rectangles_are_the_twins(x, y, width, height):
    canvas = blank()
    raster.rectangle(canvas, x, y, x + width, y + height, COLOUR)
    wanted = twin.painted(blank(), twin.rectangle(SIZE, x, y, x + width, y + height), COLOUR)
    assert np.abs(canvas - wanted).max() <= 255 * 2 / twin.SAMPLES + 0.5  # a side between two columns of samples


@settings(max_examples=30, deadline=None)
@given(place, place, st.floats(-np.pi, np.pi), length, length)
def test_boxes_are_the_twins(x, y, direction, long, thickness):
    end = x + long * np.cos(direction), y + long * np.sin(direction)
    canvas = blank()
    raster.box(canvas, x, y, *end, thickness, COLOUR)
    wanted = twin.painted(blank(), twin.box(SIZE, x, y, *end, thickness), COLOUR)
    assert np.abs(canvas - wanted).max() <= 255 * 2 / twin.SAMPLES + 0.5


def test_chains_are_the_twins():
    rng = np.random.default_rng(0)
    for thickness in (0.1, 0.48, 2.0):
        places = np.cumsum(rng.normal(size=(9, 2)), axis=0) + SIZE / 2
        canvas = blank()
        raster.chain(canvas, places, thickness, (0, 0, 0))
        wanted = twin.painted(blank(), twin.chain(SIZE, places, thickness), (0, 0, 0))
        assert np.abs(canvas - wanted).max() <= 255 * 3 / twin.SAMPLES + 0.5  # a few boxes meet in a pixel


@pytest.mark.parametrize("radius", [0.05, 0.3, 0.7, 1.07, 4.0])
def test_a_disc_leaves_its_area(radius):
    for x, y in np.random.default_rng(1).uniform(5, 7, (20, 2)):
        canvas = blank()
        raster.disc(canvas, x, y, radius, (0, 0, 0))
        touched = (canvas[:, :, 0] < 255).sum()
        assert abs(ink(canvas) - np.pi * radius**2) <= 0.5 / 255 * max(touched, 4) + 4 * raster.FAINT
        assert touched > 0


def test_a_tiny_box_leaves_its_area():
    canvas = blank()
    raster.box(canvas, 3.2, 3.2, 3.6, 3.4, 0.1, (0, 0, 0))
    assert ink(canvas) == pytest.approx(0.1 * np.hypot(0.4, 0.2), abs=0.5 / 255)
    assert (canvas < 255).any(axis=2).sum() == 1


def test_a_straight_chain_is_one_box():
    places = np.stack([np.linspace(1.3, 10.1, 21), np.linspace(2.2, 9.7, 21)], axis=1)
    parts, whole = blank(), blank()
    raster.chain(parts, places, 0.48, (0, 0, 0))
    raster.box(whole, *places[0], *places[-1], 0.48, (0, 0, 0))
    assert np.abs(parts.astype(int) - whole).max() <= 1


def test_hand_worked():
    canvas = blank(4)
    raster.rectangle(canvas, 0.5, 1.0, 2.25, 1.5, (55, 155, 255))
    assert canvas[1, :, 0].tolist() == [205, 155, 230, 255]  # a quarter, half, an eighth of the way from 255 to 55
    assert canvas[1, :, 1].tolist() == [230, 205, 243, 255]
    assert (canvas[:, :, 2] == 255).all()
    assert (canvas[[0, 2, 3]] == 255).all()
    canvas = blank(4)
    raster.disc(canvas, 2.0, 2.0, 1.0, (0, 0, 0))
    assert (canvas[1:3, 1:3, 0] == round(255 * (1 - np.pi / 4))).all()
    canvas = blank(4)
    raster.capsule(canvas, 1.0, 2.0, 3.0, 2.0, 2.0, (0, 0, 0))
    assert (canvas[1:3, 1:3, 0] == 0).all()
    assert (canvas[1:3, 0, 0] == round(255 * (1 - np.pi / 4))).all()


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 1e300])
def test_what_is_not_a_place_is_not_painted(wrong):
    canvas = blank()
    for at in range(3):
        values = [3.0, 3.0, 1.0]
        values[at] = wrong
        raster.disc(canvas, *values, COLOUR)
    for at in range(4):
        values = [3.0, 3.0, 6.0, 4.0]
        values[at] = wrong
        raster.box(canvas, *values, 1.0, COLOUR)
        if np.isnan(wrong):
            raster.rectangle(canvas, *values, COLOUR)
    raster.box(canvas, 3.0, 3.0, 6.0, 4.0, wrong, COLOUR)
    raster.box(canvas, 3.0, 3.0, 3.0, 3.0, 1.0, COLOUR)
    raster.disc(canvas, 3.0, 3.0, 0.0, COLOUR)
    raster.disc(canvas, -9.0, 3.0, 5.0, COLOUR)
    raster.chain(canvas, np.zeros((0, 2)), 1.0, COLOUR)
    assert (canvas == 255).all()
