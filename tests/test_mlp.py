"""Batched networks: counts, a hand-worked case, and three implementations that agree."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qd.errors import QDError
from qd.policies import MLP
from qd.policies import _mlp_kernel as kernel
from qd.policies._mlp_kernel import rational_tanh
from qd.policies.mlp import ACTIVATIONS
from tests.twins import mlp as twin


@pytest.mark.parametrize(
    ("sizes", "length"),
    [
        ((6, 5, 5, 5, 2), 94),  # Curling
        ((5, 5, 5, 2), 63),  # HardMaze
        ((20, 5, 5, 20), 228),  # redundant arm
        ((29, 10, 10, 10, 8), 574),  # AntMaze
        ((2, 5, 5, 2), 48),  # Walker2D
        ((10, 5, 5, 3), 93),  # CollectBall
    ],
)
def test_weights_of_paolos_networks(sizes, length):
    assert MLP(sizes, "tanh_half", bias="scalar").length == length


def test_weights_by_bias():
    assert [MLP((3, 4, 2), bias=bias).length for bias in ("none", "scalar", "vector")] == [20, 22, 26]


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_a_hand_worked_case(backend):
    """2 inputs, 2 relu units, 1 output: relu([1 2] [[1 -1] [2 0]] + [3 4]) = [8 3], [8 3] [5 -2] + 6 = 40."""
    weights = np.array([[1, -1, 2, 0, 3, 4, 5, -2, 6]], float)
    mlp = MLP((2, 2, 1), "relu", "identity")
    assert mlp.forward(weights, np.array([[1.0, 2.0]]), backend).tolist() == [[40.0]]
    scalar = np.array([[1, -1, 2, 0, 3, 5, -2, 6]], float)  # relu([5 -1] + 3) = [8 2], 40 - 4 + 6 = 42
    assert MLP((2, 2, 1), "relu", "identity", "scalar").forward(scalar, np.array([[1.0, 2.0]]), backend) == 42.0


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 7), min_size=2, max_size=5),
    activation=st.sampled_from(sorted(ACTIVATIONS)),
    output=st.sampled_from([None, *sorted(ACTIVATIONS)]),
    bias=st.sampled_from(["vector", "scalar", "none"]),
    n=st.integers(1, 6),
    seed=st.integers(0, 2**31),
)
def test_the_implementations_agree(sizes, activation, output, bias, n, seed):
    mlp = MLP(tuple(sizes), activation, output, bias)
    rng = np.random.default_rng(seed)
    weights, observations = rng.normal(0, 1.5, (n, mlp.length)), rng.normal(0, 2, (n, sizes[0]))
    exact = mlp.forward(weights, observations)
    fast = mlp.forward(weights, observations, "numba")
    assert exact.shape == fast.shape == (n, sizes[-1])
    rational = twin.rational(rational_tanh.py_func)
    for row in range(n):
        plain = twin.forward(weights[row], sizes, mlp.activations, bias, observations[row])
        assert np.allclose(plain, exact[row], rtol=1e-9, atol=1e-9)
        plain = twin.forward(weights[row], sizes, mlp.activations, bias, observations[row], rational)
        assert (np.array(plain) == fast[row]).all()  # to the bit
        assert np.abs(exact[row] - fast[row]).max() <= twin.tolerance(weights[row], sizes, mlp.activations)


@pytest.mark.parametrize(("n_in", "n_out"), [(20, 5), (5, 20), (1, 1)])
@pytest.mark.parametrize("bias", [kernel.NONE, kernel.SCALAR, kernel.VECTOR])
def test_wide_layers_are_the_same_to_the_bit(n_in, n_out, bias):
    rng = np.random.default_rng(0)
    narrow = rng.normal(size=(n_in + n_out + (n_in + 1) * n_out) * kernel.LANES)
    wide = narrow.copy()
    places = n_in + n_out, 0, n_in, n_in, n_out, bias, kernel.TANH
    kernel.dense_lanes.py_func(narrow, *places)
    kernel.dense_lanes_wide.py_func(wide, *places)
    assert (narrow == wide).all()
    assert (wide[n_in * kernel.LANES : (n_in + n_out) * kernel.LANES] != 0).all()


def test_rational_tanh():
    half = np.linspace(0, 12, 200_001)
    x = np.concatenate([-half[:0:-1], half])
    y = np.array([rational_tanh.py_func(v) for v in x.tolist()])
    assert np.abs(y - np.tanh(x)).max() < 1e-4
    assert (np.diff(y) >= 0).all()
    assert (y == -y[::-1]).all()
    assert (y[x >= 5] == 1.0).all()
    assert (y[x <= -5] == -1.0).all()
    assert np.abs(y).max() == 1.0
    assert rational_tanh(float("nan")) == -1.0
    assert rational_tanh(1e300) == 1.0
    for v in (0.3, -2.0, 4.9, 6.0):
        assert rational_tanh(v) == rational_tanh.py_func(v)


def test_rows_do_not_depend_on_their_neighbours():
    mlp = MLP((4, 6, 3))
    rng = np.random.default_rng(0)
    weights, observations = rng.normal(size=(9, mlp.length)), rng.normal(size=(9, 4))
    for backend in ("numpy", "numba"):
        whole = mlp.forward(weights, observations, backend)
        rows = [mlp.forward(weights[i : i + 1], observations[i : i + 1], backend) for i in range(9)]
        assert (whole == np.concatenate(rows)).all()


def test_bad_settings_name_the_field():
    for arguments, field in (
        (((3,),), "sizes"),
        (((3, 0),), "sizes"),
        (((3, 2), "tahn"), "tanh"),
        (((3, 2), "tanh", "non"), "output_activation"),
        (((3, 2), "tanh", None, "both"), "bias"),
    ):
        with pytest.raises(QDError, match=field):
            MLP(*arguments)
    mlp = MLP((3, 2))
    with pytest.raises(QDError, match="weights"):
        mlp.forward(np.zeros((2, 7)), np.zeros((2, 3)))
    with pytest.raises(QDError, match="observations"):
        mlp.forward(np.zeros((2, 8)), np.zeros((2, 4)))
    with pytest.raises(QDError, match="backend"):
        mlp.forward(np.zeros((2, 8)), np.zeros((2, 3)), "torch")


def test_sums_in_single_precision_are_close_and_of_that_dtype():
    policy = MLP((16, 64, 64, 4))
    rng = np.random.default_rng(0)
    weights = (rng.standard_normal((20, policy.length)) * 0.2).astype(np.float32)
    seen = rng.standard_normal((20, 16))
    double, single = policy.forward(weights, seen, "numba"), policy.forward(weights, seen, "numba", "float32")
    assert double.dtype == np.float64
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, double, atol=2e-5)
    assert (single != double).any()
    with pytest.raises(QDError, match="dtype: got 'float32' for 'numpy'"):
        policy.forward(weights, seen, dtype="float32")
