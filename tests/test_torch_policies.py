"""Networks in torch, recurrent networks, and where networks start."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

import qd  # noqa: E402
from qd.errors import QDError  # noqa: E402
from qd.policies import MLP, Recurrent, torch_mlp, torch_recurrent  # noqa: E402
from qd.policies._mlp_kernel import rational_tanh  # noqa: E402
from qd.policies.mlp import ACTIVATIONS  # noqa: E402

pytestmark = pytest.mark.peer
BIASES = ["vector", "scalar", "none"]


def tensor(array, dtype=torch.float64):
    return torch.from_numpy(np.asarray(array)).to(dtype)


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 7), min_size=2, max_size=5),
    activation=st.sampled_from(sorted(ACTIVATIONS)),
    output=st.sampled_from([None, *sorted(ACTIVATIONS)]),
    bias=st.sampled_from(BIASES),
    n=st.integers(1, 6),
    seed=st.integers(0, 2**31),
)
def test_torch_agrees_with_numpy_and_with_the_kernel(sizes, activation, output, bias, n, seed):
    mlp = MLP(tuple(sizes), activation, output, bias)
    rng = np.random.default_rng(seed)
    weights, observations = rng.normal(0, 1.5, (n, mlp.length)), rng.normal(0, 2, (n, sizes[0]))
    packed = torch_mlp.pack(mlp, tensor(weights))
    exact = torch_mlp.forward(mlp, packed, tensor(observations), exact=True).numpy()
    fast = torch_mlp.forward(mlp, packed, tensor(observations)).numpy()
    wanted = mlp.forward(weights, observations)
    assert np.allclose(exact, wanted, rtol=1e-10, atol=1e-10)
    assert np.allclose(fast, mlp.forward(weights, observations, "numba"), rtol=1e-10, atol=1e-10)
    for row in range(n):  # alone, the same
        alone = torch_mlp.pack(mlp, tensor(weights[row : row + 1]))
        assert torch_mlp.forward(mlp, alone, tensor(observations[row : row + 1])).numpy()[0].tolist() == (
            fast[row].tolist()
        )


@pytest.mark.parametrize("bias", BIASES)
def test_a_hand_worked_case(bias):
    """relu([1 2] [[1 -1] [2 0]] + b) = [5 0] + b, then [5 -2] and b again."""
    mlp = MLP((2, 2, 1), "relu", "identity", bias)
    parts = {"vector": ([3, 4], [6]), "scalar": ([3], [6]), "none": ([], [])}[bias]
    weights = tensor([[1, -1, 2, 0, *parts[0], 5, -2, *parts[1]]])
    wanted = {"vector": 40.0, "scalar": 42.0, "none": 25.0}[bias]
    assert torch_mlp.forward(mlp, torch_mlp.pack(mlp, weights), tensor([[1.0, 2.0]])).tolist() == [[wanted]]


def test_the_rational_tanh_to_the_bit():
    x = np.concatenate([np.random.default_rng(0).normal(0, 3, 2000), [0.0, -5.0, 5.0, 1e300, -np.inf, np.inf, np.nan]])
    found = torch_mlp.rational_tanh(tensor(x)).numpy()
    assert found.tolist() == [rational_tanh.py_func(value) for value in x]
    assert found[-1] == -1.0


@pytest.mark.parametrize("name", ["relu", "tanh", "tanh_half"])
def test_no_nan_travels_on(name):
    found = torch_mlp.activate(tensor([np.nan]), name)
    assert torch.isfinite(found).all()


def test_packing_copies():
    mlp = MLP((2, 3, 1))
    weights = torch.zeros(4, mlp.length)
    packed = torch_mlp.pack(mlp, weights)
    weights += 1.0
    assert all(matrix.is_contiguous() and not matrix.any() for matrix in packed.matrices)
    with pytest.raises(QDError, match="weights"):
        torch_mlp.pack(mlp, weights[:, 1:])


# ---------------------------------------------------------------- recurrent


def test_a_hand_worked_elman_cell():
    network = Recurrent(1, 1, 1, "elman", "identity")
    weights = np.array([[2.0, 3.0, 0.5, 4.0, 1.0]])  # x, h, bias; out, bias
    actions, state = network.forward(weights, np.array([[0.25]]), network.first_state(1))
    assert state == np.tanh(2 * 0.25 + 0.5) and actions == 4 * state + 1
    _, after = network.forward(weights, np.array([[0.25]]), state)
    assert after == pytest.approx(np.tanh(1.0 + 3 * state[0, 0]))


def test_a_hand_worked_gated_cell():
    network = Recurrent(1, 1, 1, "gru", "identity")
    gates, candidate, out = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [0.7, 0.8, 0.9], [2.0, -1.0]  # rows x, h, bias
    x, h = 0.5, 0.25
    reset = 1 / (1 + np.exp(-(0.1 * x + 0.3 * h + 0.5)))
    keep = 1 / (1 + np.exp(-(0.2 * x + 0.4 * h + 0.6)))
    wanted = keep * h + (1 - keep) * np.tanh(0.7 * x + 0.8 * reset * h + 0.9)
    actions, state = network.forward(np.array([[*gates, *candidate, *out]]), np.array([[x]]), np.array([[h]]))
    assert state[0, 0] == pytest.approx(wanted, rel=1e-14)
    assert actions[0, 0] == pytest.approx(2 * wanted - 1, rel=1e-14)


def test_the_gated_cell_is_torchs_where_the_forms_meet():
    """torch resets after the product, Cho et al. before it: without the candidate's own memory both are one."""
    network = Recurrent(3, 4, 1)
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(1, network.length))
    w1, b1 = weights[0, : 7 * 8].reshape(7, 8), weights[0, 56:64]
    w2, b2 = weights[0, 64 : 64 + 28].reshape(7, 4), weights[0, 92:96]
    w2[3:] = 0.0
    cell = torch.nn.GRUCell(3, 4, dtype=torch.float64)
    x, h = rng.normal(size=(1, 3)), rng.normal(size=(1, 4))
    with torch.no_grad():
        cell.weight_ih.copy_(tensor(np.concatenate([w1[:3], w2[:3]], axis=1).T))
        cell.weight_hh.copy_(tensor(np.concatenate([w1[3:], w2[3:]], axis=1).T))
        cell.bias_ih.copy_(tensor(np.concatenate([b1, b2])))
        cell.bias_hh.zero_()
        wanted = cell(tensor(x), tensor(h)).numpy()
    assert np.allclose(network.forward(weights, x, h)[1], wanted, atol=1e-14)


@pytest.mark.parametrize("cell", ["elman", "gru"])
def test_recurrent_networks_in_torch(cell):
    network = Recurrent(3, 5, 2, cell)
    rng = np.random.default_rng(1)
    weights = rng.normal(size=(7, network.length))
    packed = torch_recurrent.pack(network, tensor(weights))
    state, there = network.first_state(7), torch_recurrent.first_state(network, packed)
    near = there
    for _ in range(6):
        x = rng.normal(size=(7, 3))
        actions, state = network.forward(weights, x, state)
        found, there = torch_recurrent.forward(network, packed, tensor(x), there, exact=True)
        rational, near = torch_recurrent.forward(network, packed, tensor(x), near)
        assert np.allclose(found.numpy(), actions, atol=1e-12) and np.allclose(there.numpy(), state, atol=1e-12)
        assert np.abs(rational.numpy() - actions).max() < 5e-3
    assert np.abs(state).max() > 0.1
    with pytest.raises(QDError, match="weights"):
        torch_recurrent.pack(network, tensor(weights[:, 1:]))


@pytest.mark.parametrize(
    ("field", "fields"),
    [("units", {"units": 0}), ("cell", {"cell": "lstm"}), ("output_activation", {"output_activation": "tan"})],
)
def test_bad_recurrent_settings_are_named(field, fields):
    with pytest.raises(QDError, match=f"Recurrent.{field}"):
        Recurrent(**({"inputs": 1, "units": 1, "outputs": 1} | fields))


@pytest.mark.parametrize("name", ["weights", "observations", "state"])
def test_wrong_shapes_are_named(name):
    network = Recurrent(3, 5, 2)
    arrays = {"weights": np.zeros((2, network.length)), "observations": np.zeros((2, 3)), "state": np.zeros((2, 5))}
    arrays[name] = np.zeros((2, 4))
    with pytest.raises(QDError, match=f"^{name}: got shape"):
        network.forward(**arrays)


# ---------------------------------------------------------------- the start


@pytest.mark.parametrize(
    ("network", "layers"),
    [
        (MLP((3, 4, 2)), [(3, 4, 4), (4, 2, 2)]),
        (MLP((3, 4, 2), bias="scalar"), [(3, 4, 1), (4, 2, 1)]),
        (MLP((3, 2), bias="none"), [(3, 2, 0)]),
        (Recurrent(3, 4, 2), [(7, 8, 8), (7, 4, 4), (4, 2, 2)]),
        (Recurrent(3, 4, 2, "elman"), [(7, 4, 4), (4, 2, 2)]),
    ],
)
def test_where_networks_start(network, layers):
    sigma = network.initial_sigma()
    assert sigma.shape == (network.length,) and sigma.dtype == np.float32
    at = 0
    for number, (n_in, n_out, n_bias) in enumerate(layers):
        scale = 0.1 if number == len(layers) - 1 else 1.0
        assert np.allclose(sigma[at : at + n_in * n_out], scale * n_in**-0.5)
        at += n_in * n_out
        assert not sigma[at : at + n_bias].any()
        at += n_bias
    assert at == network.length
    space = qd.Box(-np.inf, np.inf, network.length, init_sigma=sigma, dtype="float32")
    drawn = space.sample(2000, np.random.default_rng(0))
    assert np.allclose(drawn.std(axis=0), sigma, rtol=0.15)
