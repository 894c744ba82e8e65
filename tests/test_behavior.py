"""Behaviour spaces: the contract over all encoders, and PCA and whitening against numpy."""

import numpy as np
import pytest

import qd
from qd.behavior import (
    PCA,
    Autoencoder,
    BehaviorSpace,
    BetaVAE,
    Encoder,
    RandomEncoder,
    Samples,
    SequenceAutoencoder,
    Signature,
    SimilarityEncoder,
    Whitened,
)
from qd.codec import decode, encode
from qd.rng import generator

OBSERVATIONS = {  # shape -> rows of it
    (3, 4): generator(1, "test").normal(size=(60, 3, 4)),
    (2, 64, 64, 3): (generator(2, "test").random((24, 2, 64, 64, 3)) * 255).astype(np.uint8),
    (2, 32, 32, 3): (generator(4, "test").random((24, 2, 32, 32, 3)) * 255).astype(np.uint8),
    (12, 2): generator(3, "test").normal(size=(40, 12, 2)).cumsum(axis=1),
}


def odd_mean(*observations: np.ndarray) -> int:
    """The odd one out of three by their means."""
    means = [float(observation.mean()) for observation in observations]
    return int(np.argmin([abs(means[i] - means[j]) for i, j in ((1, 2), (0, 2), (0, 1))]))


ENCODERS = [  # and the shape it takes
    (PCA(latent=3), (3, 4)),
    (PCA(latent=3), (2, 64, 64, 3)),
    (Samples(count=5), (12, 2)),
    (Signature(depth=4, time=True), (12, 2)),
    (Signature(depth=5, log=True, scaling="factorial", threads=2), (12, 2)),
    (Whitened(PCA(latent=3)), (3, 4)),
    (Autoencoder(latent=3, epochs=3), (2, 32, 32, 3)),
    (Autoencoder.stax(latent=3, epochs=1), (2, 32, 32, 3)),
    (Autoencoder.taxons(latent=3, epochs=1), (2, 32, 32, 3)),
    (BetaVAE(latent=3, epochs=3), (2, 32, 32, 3)),
    (RandomEncoder(latent=3), (2, 32, 32, 3)),
    (SequenceAutoencoder(latent=3, epochs=5), (12, 2)),
    (SimilarityEncoder(oracle=odd_mean, epochs=20), (12, 2)),
    (SimilarityEncoder(oracle=odd_mean, questions=10, epochs=3), (2, 64, 64, 3)),
    (Whitened(SimilarityEncoder(oracle=odd_mean, epochs=20)), (3, 4)),
    (Whitened(Signature(depth=3)), (12, 2)),
]
TORCH = (Autoencoder, SequenceAutoencoder, SimilarityEncoder)


def named(encoder: Encoder, shape: tuple[int, ...]) -> object:
    kind = getattr(encoder, "architecture", "")
    inner = encoder.encoder if isinstance(encoder, Whitened) else encoder
    marks = pytest.mark.peer if isinstance(inner, TORCH) else ()
    return pytest.param(
        (encoder, shape), marks=marks, id=f"{type(encoder).__name__}{type(inner).__name__}{kind}{shape}"
    )


@pytest.fixture(params=[named(*entry) for entry in ENCODERS])
def entry(request: pytest.FixtureRequest) -> tuple[Encoder, np.ndarray]:
    encoder, shape = request.param
    return encoder, OBSERVATIONS[shape]


def fitted(encoder: Encoder, rows: np.ndarray, times: int = 1) -> BehaviorSpace:
    space = BehaviorSpace(encoder, rows.shape[1:], seed=5)
    for _ in range(times):
        space.fit(rows)
    return space


def test_shapes_and_finite(entry: tuple[Encoder, np.ndarray]) -> None:
    encoder, rows = entry
    for times in (0, 1):
        space = fitted(encoder, rows, times)
        measures, surprise = encoder.describe(space.learned, rows)
        assert measures.shape == (len(rows), space.size)
        assert measures.dtype == np.float64
        assert surprise.shape == (len(rows),)
        assert np.isfinite(measures).all()
        assert (surprise >= 0).all()
        np.testing.assert_array_equal(measures, space.encode(rows))


def test_a_rows_measures_do_not_depend_on_its_neighbours(entry: tuple[Encoder, np.ndarray]) -> None:
    encoder, rows = entry
    space = fitted(encoder, rows)
    whole = encoder.describe(space.learned, rows)
    for part in (slice(0, 1), slice(3, 10), slice(5, None)):
        for all_rows, some in zip(whole, encoder.describe(space.learned, rows[part]), strict=True):
            np.testing.assert_array_equal(all_rows[part], some)


def test_what_is_learned_survives_a_checkpoint_and_goes_on_alike(entry: tuple[Encoder, np.ndarray]) -> None:
    encoder, rows = entry
    space = fitted(encoder, rows)
    back = fitted(encoder, rows, times=0)
    back.learned, back.fits = decode(encode(space.learned)), space.fits
    space.fit(rows[::2])
    back.fit(rows[::2])
    np.testing.assert_array_equal(space.encode(rows), back.encode(rows))


def test_fitting_lowers_surprise(entry: tuple[Encoder, np.ndarray]) -> None:
    encoder, rows = entry
    if not (encoder.surprises and encoder.learns):
        pytest.skip("nothing to lower")
    before, after = (fitted(encoder, rows, times).surprise(rows).mean() for times in (0, 2))
    assert after < before


def test_all_equal_observations_stay_defined(entry: tuple[Encoder, np.ndarray]) -> None:
    encoder, rows = entry
    same = np.repeat(rows[:1], 20, axis=0)
    measures = fitted(encoder, same).encode(same)
    assert np.isfinite(measures).all()
    assert (measures == measures[0]).all()


def test_pca_reconstructs_as_well_as_any_linear_encoder_can() -> None:
    rows = OBSERVATIONS[3, 4]
    space = fitted(PCA(latent=3), rows)
    centred = rows.reshape(60, 12) - rows.reshape(60, 12).mean(axis=0)
    values = np.linalg.svd(centred, compute_uv=False)
    assert space.surprise(rows).sum() * 12 == pytest.approx((values[3:] ** 2).sum())


def test_whitened_measures_are_uncorrelated_with_unit_variance() -> None:
    rows = OBSERVATIONS[3, 4] * np.geomspace(1, 5, 4)
    measures = fitted(Whitened(PCA(latent=3)), rows).encode(rows)
    np.testing.assert_allclose(np.cov(measures.T), np.eye(3), atol=1e-9)


def test_observations_of_another_shape_are_refused() -> None:
    space = BehaviorSpace(PCA(latent=2), (3, 4))
    with pytest.raises(qd.QDError, match=r"observations: got shape \(5, 4, 3\), wanted \(n, 3, 4\)"):
        space.encode(np.zeros((5, 4, 3)))
    with pytest.raises(qd.QDError, match=r"PCA.latent"):
        BehaviorSpace(PCA(latent=13), (3, 4))
