"""Convolutional networks: published sizes, first weights, and the arithmetic against plain loops."""

import itertools

import numpy as np
import pytest

import qd
from qd.errors import QDError
from qd.lineages import Decoder, Lineage
from qd.policies import ConvNet
from qd.space import Box

SMALL = ConvNet(3, inputs=(2, 9, 7), convolutions=((4, 4, 2), (5, 3, 1)), hidden=(6,))


def plain(net, weights, picture):
    """One network on one picture, window by window."""
    maps, at = picture.transpose(1, 2, 0).astype(np.float64), 0  # rows, columns, channels
    for filters, kernel, stride in net.convolutions:
        rows, columns, channels = maps.shape
        out = np.empty((-(-rows // stride), -(-columns // stride), filters))
        above = max((out.shape[0] - 1) * stride + kernel - rows, 0) // 2
        left = max((out.shape[1] - 1) * stride + kernel - columns, 0) // 2
        padded = np.zeros((rows + 2 * kernel, columns + 2 * kernel, channels))
        padded[above : above + rows, left : left + columns] = maps
        n_in = kernel * kernel * channels
        matrix = weights[at : at + n_in * filters].reshape(n_in, filters)
        bias = weights[at + n_in * filters : at + (n_in + 1) * filters]
        at += (n_in + 1) * filters
        for i in range(out.shape[0]):
            for j in range(out.shape[1]):
                window = padded[i * stride : i * stride + kernel, j * stride : j * stride + kernel].reshape(-1)
                out[i, j] = np.maximum(window @ matrix + bias, 0.0)
        maps = out
    units = maps.reshape(-1)
    sizes = (len(units), *net.hidden, net.outputs)
    for layer, (n_in, n_out) in enumerate(itertools.pairwise(sizes)):
        units = units @ weights[at : at + n_in * n_out].reshape(n_in, n_out) + weights[at + n_in * n_out :][:n_out]
        at += (n_in + 1) * n_out
        units = np.maximum(units, 0.0) if layer < len(sizes) - 2 else units
    assert at == len(weights)
    return units


@pytest.mark.parametrize(
    ("make", "lengths"),
    [(ConvNet.large, (4_052_658, 4_046_502, 4_044_450)), (ConvNet.small, (1_008_450, 1_005_366, 1_004_338))],
)
def test_the_published_sizes_to_the_unit(make, lengths):
    assert tuple(make(outputs).length for outputs in (18, 6, 2)) == lengths


def test_the_maps_of_the_large_network():
    maps = ConvNet.large(6).shapes()
    assert [one.out_rows for one in maps] == [21, 11, 11]
    assert [one.padding[:2] for one in maps] == [(2, 2), (1, 2), (1, 1)]


def test_first_weights_spread_as_the_inputs_say_and_biases_are_zero():
    net = ConvNet.large(2)
    space = Lineage(net.length, init_sigma=net.initial_sigma())
    weights = Decoder(space).weights(space.sample(1, np.random.default_rng(0)))[0]
    at = 0
    layers = net.layers()
    for index, (n_in, n_out) in enumerate(layers):
        matrix, at = weights[at : at + n_in * n_out], at + n_in * n_out
        wanted = (0.1 if index == len(layers) - 1 else 1.0) / np.sqrt(n_in)
        assert matrix.std() == pytest.approx(wanted, rel=0.01 if len(matrix) > 20_000 else 5 / np.sqrt(2 * len(matrix)))
        assert not weights[at : at + n_out].any()
        at += n_out


def test_every_network_of_a_batch_agrees_with_plain_loops():
    rng = np.random.default_rng(1)
    weights = rng.normal(0.0, 0.5, (3, SMALL.length)).astype(np.float32)
    pictures = rng.random((3, *SMALL.inputs)).astype(np.float32)
    wanted = np.array([plain(SMALL, w, p) for w, p in zip(weights, pictures, strict=True)])
    np.testing.assert_allclose(SMALL.forward(weights, pictures), wanted, rtol=2e-5, atol=2e-5)

    import torch

    together = SMALL.apply(SMALL.pack(torch.from_numpy(weights)), torch.from_numpy(pictures))
    np.testing.assert_allclose(together.numpy(), wanted, rtol=2e-5, atol=2e-5)


def test_a_network_without_hidden_or_convolutional_layers():
    rng = np.random.default_rng(2)
    for net in (ConvNet(2, (1, 6, 6), ((3, 3, 2),), ()), ConvNet(2, (1, 3, 4), (), (5,))):
        weights, picture = rng.normal(size=(1, net.length)), rng.random((1, *net.inputs))
        wanted = plain(net, weights[0], picture[0])
        np.testing.assert_allclose(net.forward(weights, picture)[0], wanted, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"outputs": 0}, "outputs"),
        ({"outputs": 2, "inputs": (84, 84)}, "inputs"),
        ({"outputs": 2, "convolutions": ((32, 8, 0),)}, "convolutions"),
        ({"outputs": 2, "hidden": (0,)}, "hidden"),
    ],
)
def test_a_bad_shape_is_refused_by_name(settings, field):
    with pytest.raises(QDError, match=f"ConvNet.{field}"):
        ConvNet(**settings)


def test_weights_and_pictures_of_another_size_are_refused():
    with pytest.raises(QDError, match="weights"):
        SMALL.forward(np.zeros((1, 3)), np.zeros((1, *SMALL.inputs)))
    with pytest.raises(QDError, match="observations"):
        SMALL.forward(np.zeros((1, SMALL.length)), np.zeros((1, 2, 7, 9)))
    with pytest.raises(QDError, match="network: got 'larg'"):
        ConvNet.named("larg", 2)


def test_it_is_found_at_the_top():
    assert qd.policies.ConvNet is ConvNet
    assert isinstance(Box(-1.0, 1.0, SMALL.length, init_sigma=SMALL.initial_sigma(), dtype="float32"), Box)
