"""One network on one observation, in plain Python."""

import math
from itertools import pairwise


def sigmoid(x):
    """Without overflow on either side."""
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


EXACT = {
    "tanh": math.tanh,
    "tanh_half": lambda x: 2 * sigmoid(x) - 1,
    "sigmoid": sigmoid,
    "relu": lambda x: max(x, 0.0),
    "identity": lambda x: x,
}


def rational(tanh):
    """The activations with another tanh."""
    return EXACT | {
        "tanh": tanh,
        "tanh_half": lambda x: tanh(0.5 * x),
        "sigmoid": lambda x: 0.5 + 0.5 * tanh(0.5 * x),
    }


def forward(weights, sizes, activations, bias, observation, functions=EXACT):
    """Outputs; ``activations`` names one a layer, ``bias`` is vector, scalar or none."""
    units, at = [float(v) for v in observation], 0
    for n_in, n_out, name in zip(sizes[:-1], sizes[1:], activations, strict=True):
        matrix = [[float(weights[at + i * n_out + j]) for j in range(n_out)] for i in range(n_in)]
        at += n_in * n_out
        biases = [0.0] * n_out
        if bias == "scalar":
            biases = [float(weights[at])] * n_out
            at += 1
        if bias == "vector":
            biases = [float(v) for v in weights[at : at + n_out]]
            at += n_out
        totals = []
        for j in range(n_out):
            total = biases[j]
            for i in range(n_in):
                total += units[i] * matrix[i][j]
            totals.append(total)
        units = [functions[name](total) for total in totals]
    assert at == len(weights)
    return units


def tolerance(weights, sizes, activations):
    """The most that errors of 1e-4 in each activation can add up to at the outputs."""
    error, at = 0.0, 0
    spare = len(weights) - sum(a * b for a, b in pairwise(sizes))
    width = {0: lambda n: 0, len(sizes) - 1: lambda n: 1}.get(spare, lambda n: n)
    for n_in, n_out, name in zip(sizes[:-1], sizes[1:], activations, strict=True):
        block = [[abs(float(weights[at + i * n_out + j])) for i in range(n_in)] for j in range(n_out)]
        at += n_in * n_out + width(n_out)
        error = error * max(sum(column) for column in block) + 1e-4 * (name not in ("relu", "identity"))
    return error + 1e-9
