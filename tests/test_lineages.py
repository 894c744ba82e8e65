"""Lineages: noise against published vectors, decoding however it is done, bytes, keyframes, bad input."""

from itertools import pairwise
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qd
from operators import seed_noise
from qd.errors import QDError
from qd.lineages import Decoder, Lineage, children, draws, from_bytes, read_keyframe, to_bytes, write_keyframe
from qd.lineages.bytes import compression
from qd.lineages.decoder import mutation_keys
from qd.ragged import Ragged, concatenate
from qd.rng import generator

WEIGHTS = 1003  # not a multiple of the eight normals of a block


def twin_normals(key: int, purpose: int, count: int) -> np.ndarray:
    """The noise in plain Python and numpy, in units of 2^-12."""
    table, out = seed_noise.normal_table(), []
    for block in range(-(-count // 8)):
        c, k = [block, 0, purpose, 0], [key & 0xFFFFFFFF, key >> 32]
        for _ in range(10):
            p, q = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
            c = [(q >> 32) ^ c[1] ^ k[0], q & 0xFFFFFFFF, (p >> 32) ^ c[3] ^ k[1], p & 0xFFFFFFFF]
            k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
        for word in c:
            for bits in (word & 0xFFFF, word >> 16):
                out.append((-1) ** (bits & 1) * int(table[bits >> 1]))
    return np.array(out[:count])


def twin_weights(words: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """A lineage's weights, mutation by mutation."""
    first = int(words[0]) | int(words[1]) << 32
    total = np.rint(twin_normals(first, 0, WEIGHTS).astype(np.float32) * seed_noise.factor(sigma)).astype(np.int64)
    for key, bits in zip(mutation_keys(first, words[2::2]), words[3::2], strict=True):
        step = twin_normals(int(key), 1, WEIGHTS).astype(np.float32) * seed_noise.factor(bits.view(np.float32))
        total += np.rint(step).astype(np.int64)
    return total.astype(np.int32).astype(np.float32) * np.float32(2.0**-24)


def space() -> Lineage:
    sigma = np.full(WEIGHTS, 0.1, np.float32)
    sigma[-10:] = 0.0
    return Lineage(WEIGHTS, sigma)


def family(generations: int, population: int = 8, parents: int = 3, seed: int = 0) -> list[Ragged]:
    """The populations of a neutral truncation GA, each made from some of the one before."""
    found = [space().sample(population, generator(seed, "first"))]
    for number in range(1, generations + 1):
        rng = generator(seed, "choice", number)
        best = found[-1][np.sort(rng.permutation(population)[:parents])]
        numbers = number * population + np.arange(population)
        found.append(
            children(best, rng.integers(0, parents, population), draws(seed, numbers), 0.002 + 0.001 * (number % 3))
        )
    return found


@pytest.mark.parametrize(
    ("counter", "key", "wanted"),
    [
        ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
        ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            [0xA4093822, 0x299F31D0],
            [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
        ),
    ],
)
def test_philox_gives_the_vectors_of_its_authors(counter: list, key: list, wanted: list) -> None:
    found = seed_noise.philox(np.array(counter, np.uint32), np.array(key, np.uint32))
    assert found.tolist() == wanted


def test_normals_are_normal() -> None:
    from scipy import stats

    table = seed_noise.normal_table()
    assert crc32(table.astype("<i2").tobytes()) == 0x24DCCC6F
    assert abs(np.sqrt((table.astype(float) ** 2).mean()) / 4096 - 1) < 2e-5
    n = 400_000
    rows = Decoder(Lineage(n, 1.0)).weights(Ragged.from_rows([[1, 2], [2, 2], [1, 3]], np.uint32))
    for row in rows:
        assert abs(row.mean()) < 5 / np.sqrt(n)
        assert abs(row.std() - 1) < 0.01
    assert stats.kstest(rows[0].astype(float), "norm").pvalue > 1e-3
    near = np.abs(np.corrcoef(np.vstack([rows, rows[0][::-1]]))[np.triu_indices(4, 1)])
    assert near.max() < 5 / np.sqrt(n)
    assert abs(np.corrcoef(rows[0][:-1], rows[0][1:])[0, 1]) < 5 / np.sqrt(n)


@pytest.mark.parametrize("generations", [0, 1, 50, 500])
def test_every_way_of_decoding_gives_the_same_bits(generations: int, tmp_path) -> None:
    populations = family(generations)
    last = populations[-1]
    cold = Decoder(space()).weights(last)
    warm = Decoder(space())
    for population in populations:
        grown = warm.weights(population)
    assert np.array_equal(grown, cold)
    assert np.array_equal(Decoder(space(), threads=3).weights(last), cold)
    assert np.array_equal(np.concatenate([Decoder(space(), 0).weights(last[[i]]) for i in range(len(last))]), cold)
    ancestor = last.row(0)[: 2 + 2 * (generations // 2)]
    write_keyframe(tmp_path / "frame", Decoder(space()), ancestor)
    framed = Decoder(space())
    assert read_keyframe(tmp_path / "frame", framed)
    assert np.array_equal(framed.weights(last), cold)
    if generations <= 50:
        for row in (0, -1):
            words = last[[row % len(last)]].row(0)
            assert np.array_equal(twin_weights(words, space().init_sigma), cold[row])


def test_a_child_costs_one_addition_whatever_its_generation() -> None:
    populations = family(40)
    decoder = Decoder(space())
    for number, population in enumerate(populations):
        before = decoder.additions
        decoder.weights(population)
        if number > 1:  # a parent and a child each
            assert decoder.additions - before <= len(population) + 3
    assert decoder.starts <= len(populations[0]) + 3


def test_a_cold_start_grows_once_what_lineages_share() -> None:
    populations = family(300)
    decoder = Decoder(space())
    decoder.weights(populations[-1])
    words = {row[: 2 + 2 * g].tobytes() for row in populations[-1] for g in range(1, len(row) // 2)}
    assert decoder.additions == len(words)  # the edges of their tree


def test_the_cache_forgets_and_stays_right() -> None:
    populations = family(30)
    small = Decoder(space(), cache_bytes=4 * WEIGHTS * 2)
    for population in populations:
        assert np.array_equal(small.weights(population), Decoder(space()).weights(population))
    assert len(small._kept) == 2


def test_siblings_do_not_share_their_parents_array() -> None:
    decoder = Decoder(space())
    parent = space().sample(1, generator(1, "p"))
    before = decoder.weights(parent).copy()
    pair = children(parent, np.zeros(2, int), draws(0, [5, 6]), 0.01)
    a, b = decoder.weights(pair)
    again = decoder.weights(concatenate([pair[[1]], parent, pair[[0]]]))
    assert np.array_equal(again, np.stack([b, before[0], a]))
    assert abs(np.std(a - before[0]) / 0.01 - 1) < 0.1
    assert abs(np.corrcoef(a - before[0], b - before[0])[0, 1]) < 5 / np.sqrt(WEIGHTS)


def test_biases_begin_at_nothing_and_move_like_all_weights() -> None:
    parent = space().sample(4, generator(1, "p"))
    assert not Decoder(space()).weights(parent)[:, -10:].any()
    moved = Decoder(space()).weights(children(parent, np.arange(4), draws(0, np.arange(4)), 0.01))
    assert (moved[:, -10:] != 0).all()


def test_draws_never_meet_within_a_run() -> None:
    found = draws(7, np.arange(300_000))
    assert len(np.unique(found)) == len(found)
    assert not np.array_equal(found, draws(8, np.arange(300_000)))
    assert abs(np.unpackbits(found.view(np.uint8)).mean() - 0.5) < 0.002


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2**32 - 1), st.sampled_from([0.001, 0.002, 0.5])), max_size=30),
    st.integers(0, 2**64 - 1),
)
def test_bytes_keep_every_word(mutations: list, first: int) -> None:
    words = [first & 0xFFFFFFFF, first >> 32]
    for draw, sigma in mutations:
        words += [draw, int(np.float32(sigma).view(np.uint32))]
    data = to_bytes(np.array(words, np.uint32))
    assert from_bytes(data).tolist() == words
    runs = 1 + sum(a[1] != b[1] for a, b in pairwise(mutations)) if mutations else 0
    assert len(data) == 16 + 8 * runs + 4 * len(mutations)
    for cut in (0, 5, len(data) - 1):
        with pytest.raises(QDError, match="lineage"):
            from_bytes(data[:cut])


@pytest.mark.parametrize(
    ("mutations", "published"),
    [(10, 368_000), (50, 79_000), (100, 40_000), (200, 20_000), (400, 10_106), (1000, 4_049)],
)
def test_the_published_table_of_compression(mutations: int, published: float) -> None:
    weights = 4_052_658
    bare = 4 * weights / (4 * (mutations + 1))  # the published arithmetic: four bytes a seed and nothing else
    assert abs(bare / published - 1) < 0.01
    ours = compression(weights, mutations)
    words = np.tile(np.array([1, np.float32(0.002).view(np.uint32)], np.uint32), mutations + 1)
    assert ours == 4 * weights / len(to_bytes(words))
    assert ours > bare / (1 + 5 / mutations)


def test_bad_lineages_are_refused() -> None:
    good = space()
    with pytest.raises(QDError, match="ragged batch of uint32"):
        good.check(np.zeros((2, 2)))
    with pytest.raises(QDError, match="uint32"):
        good.check(Ragged.from_rows([[1, 2]]))
    zero, huge = (int(np.float32(x).view(np.uint32)) for x in (0.0, 1e6))
    rows = Ragged.from_rows([[1, 2], [1], [1, 2, 3], [1, 2, 3, zero], [1, 2, 3, huge]], np.uint32)
    assert good.valid(rows).tolist() == [True, False, False, False, False]
    for weights, sigma, named in ((0, 1, "weights"), (3, [1, 2], "init_sigma"), (3, -1, "init_sigma"), (3, 99, "128")):
        with pytest.raises(QDError, match=named):
            Lineage(weights, sigma)
    with pytest.raises(QDError, match="sigma"):
        children(good.sample(1, generator(0, "x")), np.zeros(1, int), draws(0, [0]), 0.0)


def test_a_keyframe_that_is_missing_or_altered(tmp_path) -> None:
    row = family(5)[-1].row(0)
    assert not read_keyframe(tmp_path / "none", Decoder(space()))
    path = tmp_path / "frame"
    write_keyframe(path, Decoder(space()), row)
    for other in (Lineage(5), Lineage(WEIGHTS, 0.1)):
        with pytest.raises(QDError, match="other standard deviations"):
            read_keyframe(path, Decoder(other))
    with pytest.raises(QDError, match="int32"):
        Decoder(Lineage(5)).keep({row.tobytes(): Decoder(space()).grown(row)})
    data = bytearray(path.read_bytes())
    data[-7] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(QDError, match="altered; delete it"):
        read_keyframe(path, Decoder(space()))
    path.write_bytes(bytes(data[:40]))
    with pytest.raises(QDError, match="delete it"):
        read_keyframe(path, Decoder(space()))


def test_a_flipped_bit_of_a_keyframe_is_an_error_or_changes_nothing(tmp_path) -> None:
    row = family(5)[-1].row(0)
    batch = Ragged.from_rows([row], np.uint32)
    cold = Decoder(space()).weights(batch)
    path = tmp_path / "frame"
    write_keyframe(path, Decoder(space()), row[:-4])
    whole, refused = path.read_bytes(), 0
    for place in [*range(0, 400, 3), *range(400, len(whole), 97)]:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        decoder = Decoder(space())
        try:
            read_keyframe(path, decoder)
        except QDError:
            refused += 1
        assert np.array_equal(decoder.weights(batch), cold)  # grown from the seeds, or from what padding did not touch
    assert refused > 100
    path.unlink()
    missing = Decoder(space())
    assert not read_keyframe(path, missing) and np.array_equal(missing.weights(batch), cold)


def test_lineages_are_kept_in_checkpoints() -> None:
    back = qd.codec.decode(qd.codec.encode({"space": space()}))["space"]
    row = back.sample(2, generator(0, "x"))
    assert np.array_equal(Decoder(back).weights(row), Decoder(space()).weights(row))
