"""Lineages in torch: the same bits as the compiled kernels, cold and from parents, on a device where there is one."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from qd.errors import QDError  # noqa: E402
from qd.lineages import Decoder, Lineage  # noqa: E402
from qd.lineages.torch_decoder import torch_units, torch_weights  # noqa: E402
from tests.test_lineages import family, space  # noqa: E402

pytestmark = pytest.mark.peer
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("generations", [0, 1, 50, 500])
def test_torch_gives_the_bits_of_the_kernels(device: str, generations: int) -> None:
    rows = family(generations)[-1][: 8 if generations <= 50 else 1]
    wanted = Decoder(space()).weights(rows)
    assert np.array_equal(torch_weights(space(), rows, device).cpu().numpy(), wanted)
    block = 64 if generations <= 50 else 512
    assert np.array_equal(torch_weights(space(), rows, device, block=block).cpu().numpy(), wanted)


@pytest.mark.parametrize("device", DEVICES)
def test_a_child_of_its_parents_units(device: str) -> None:
    rows = family(20)[-1]
    parents = type(rows).from_rows([row[:-2] for row in rows], np.uint32)
    units = torch_units(space(), parents, device)
    wanted = Decoder(space()).weights(rows)
    assert np.array_equal(torch_weights(space(), rows, device, parents=units).cpu().numpy(), wanted)
    assert np.array_equal(torch_units(space(), parents, device).cpu().numpy(), units.cpu().numpy())  # as they were


def test_scalar_init_sigma_and_large_mutations() -> None:
    wide = Lineage(77, 30.0)
    rows = family(0)[-1]
    assert np.array_equal(torch_weights(wide, rows).numpy(), Decoder(wide).weights(rows))


def test_wrong_parents_are_named() -> None:
    rows = family(0)[-1]
    with pytest.raises(QDError, match=r"parents: got torch\.float32"):
        torch_units(space(), rows, parents=torch.zeros(8, 1003))
    with pytest.raises(QDError, match="nobody's child"):
        torch_units(space(), rows, parents=torch.zeros(8, 1003, dtype=torch.int32))
    with pytest.raises(QDError, match="block"):
        torch_units(space(), rows, block=3)
