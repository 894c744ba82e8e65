"""Encoders trained with torch: published sizes, early stop, Adam going on, roll-back, devices, and what they learn."""

import numpy as np
import pytest

import qd
from qd.behavior import PCA, Autoencoder, BehaviorSpace, BetaVAE, Encoder, RandomEncoder, SequenceAutoencoder
from qd.behavior._picture_kernel import fill_planes
from qd.behavior._torch_encoder import _Adam, _kept, split, stops
from qd.rng import generator

pytestmark = pytest.mark.peer

NOISE = (generator(1, "test").random((40, 32, 32, 3)) * 255).astype(np.uint8)


def discs(n: int, stream: str, size: int = 32, radius: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Pictures of a blue disc anywhere in front of black bars, and where its centre is."""
    centre = generator(7, stream).uniform(radius, size - radius, (n, 2))
    y, x = np.mgrid[:size, :size] + 0.5
    scene = np.ones((size, size, 3))
    scene[8:10, 4:20] = scene[20:24, 14:] = 0.0
    cover = radius + 0.5 - np.hypot(x - centre[:, 0, None, None], y - centre[:, 1, None, None])
    cover = np.clip(cover, 0.0, 1.0)[..., None]
    return np.round(255 * (scene * (1 - cover) + cover * np.array([0.0, 0.0, 1.0]))).astype(np.uint8), centre


def weights(encoder: Encoder, shape: tuple[int, ...]) -> int:
    learned = encoder.init(shape, generator(0, "test"))
    return sum(learned["weights"][name].size for name in learned["first"])  # what Adam trains


def same(a: dict, b: dict) -> bool:
    return all(np.array_equal(a["weights"][name], b["weights"][name]) for name in a["weights"])


def test_published_networks_have_the_published_number_of_weights() -> None:
    assert weights(Autoencoder.stax(), (64, 64, 3)) == 156_189
    assert weights(Autoencoder.taxons(), (5, 64, 64, 3)) == 1_991_680
    assert weights(Autoencoder(), (64, 64, 3)) == 18_509


def test_the_published_training() -> None:
    stax, taxons = Autoencoder.stax(), Autoencoder.taxons()
    assert (stax.epochs, stax.validation, stax.patience, stax.restore, stax.max_rows) == (101, 0.2, 4, False, None)
    assert (taxons.epochs, taxons.validation, taxons.restore, taxons.max_rows) == (5, 0.0, False, None)
    assert Autoencoder.stax(epochs=2).epochs == 2
    outcome = BehaviorSpace(Autoencoder.taxons(batch=40), (32, 32, 3)).fit(NOISE[:8])
    assert (outcome.epochs, outcome.rows) == (5, 8)
    assert np.isnan(outcome.error)


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ([5.0, 4.0, 3.0, 2.0, 1.0], False),
        ([1.0, 2.0, 2.0, 2.0], False),  # three above
        ([1.0, 2.0, 2.0, 2.0, 2.0], True),
        ([1.0, 5.0, 4.0, 3.0, 2.0], True),  # falling, but above the best
        ([1.0, 2.0, 2.0, 1.0, 2.0, 2.0, 2.0], False),  # as good as the best begins anew
        ([1.0, 2.0, 2.0, 1.0, 2.0, 2.0, 2.0, 2.0], True),
        ([2.0, 3.0, 3.0, 3.0, 1.0, 2.0], False),
    ],
)
def test_stops_at_the_fourth_epoch_in_a_row_above_the_best(errors: list[float], expected: bool) -> None:
    assert stops(errors, 4) is expected


def test_a_fifth_of_the_rows_validates_and_the_others_train() -> None:
    held, rows = split(101, 0.2, generator(0, "test"))
    assert len(held) == 20
    assert sorted([*held, *rows]) == list(range(101))
    assert not np.array_equal(held, split(101, 0.2, generator(0, "test", 1))[0])


def test_training_stops_early_and_keeps_the_best_weights() -> None:
    # So large a step that the error soon rises above its best.
    settings = {"epochs": 40, "learning_rate": 0.02, "batch": 8, "patience": 2, "latent": 2}
    best, last = (BehaviorSpace(Autoencoder(restore=restore, **settings), (32, 32, 3), 4) for restore in (True, False))
    of_best, of_last = best.fit(NOISE), last.fit(NOISE)
    assert of_best.epochs == of_last.epochs < 40
    assert of_best.error < of_last.error
    assert best.learned["steps"] == last.learned["steps"] - 2 * 4  # two epochs of four steps were taken back


def test_adams_state_goes_on_as_in_torch() -> None:
    import torch

    encoder = SequenceAutoencoder(latent=2)
    learned = encoder.init((8, 2), generator(0, "test"))
    network, reference = encoder._loaded(learned), encoder._loaded(learned)
    unbroken = torch.optim.Adam(reference.parameters(), lr=1e-3)
    rng = generator(1, "test")
    for _ in range(3):
        network = encoder._loaded(learned)  # as after a checkpoint, before each step
        ours = _Adam(network, learned, 1e-3)
        for mine, theirs in zip(network.parameters(), reference.parameters(), strict=True):
            theirs.grad = torch.tensor(rng.normal(size=tuple(theirs.shape)).astype(np.float32))
            mine.grad = theirs.grad.clone()
        ours.step()
        unbroken.step()
        learned = learned | _kept(network, ours)
    assert learned["steps"] == 3
    for mine, theirs in zip(encoder._loaded(learned).parameters(), reference.parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_a_training_that_diverges_is_taken_back() -> None:
    space = BehaviorSpace(Autoencoder(latent=2, epochs=3), (32, 32, 3))
    space.fit(NOISE)
    before = space.encode(NOISE)
    wild = Autoencoder(latent=2, epochs=3, learning_rate=1e30)
    outcome = wild.fit(space.learned, NOISE, generator(0, "test"))
    assert outcome.rolled_back
    np.testing.assert_array_equal(space.encode(NOISE), before)


def test_reset_forgets_what_was_learned() -> None:
    for reset in (True, False):
        encoder = Autoencoder(latent=2, epochs=2, reset=reset)
        fresh, used = (BehaviorSpace(encoder, (32, 32, 3)).learned for _ in range(2))
        encoder.fit(used, NOISE[:20], generator(0, "test"))
        for learned in (fresh, used):
            encoder.fit(learned, NOISE, generator(0, "test", 1))
        assert same(fresh, used) is reset


def test_torchs_threads_and_generator_are_left_alone() -> None:
    import torch

    threads, state = torch.get_num_threads(), torch.get_rng_state()
    torch.set_num_threads(2)
    try:
        for encoder in (Autoencoder(epochs=1), BetaVAE(epochs=1), Autoencoder.taxons()):
            space = BehaviorSpace(encoder, (32, 32, 3))
            space.fit(NOISE[:8])
            space.surprise(NOISE[:8])
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    "encoder", [Autoencoder(), Autoencoder.stax(), Autoencoder.taxons()], ids=lambda e: e.architecture
)
def test_rows_in_any_order_and_memory_have_the_same_bits(encoder: Autoencoder) -> None:
    space = BehaviorSpace(encoder, (32, 32, 3))
    measures, surprise = encoder.describe(space.learned, NOISE)
    order = generator(3, "test").permutation(len(NOISE))
    turned = encoder.describe(space.learned, np.asfortranarray(NOISE)[order])
    np.testing.assert_array_equal(turned[0], measures[order])
    np.testing.assert_array_equal(turned[1], surprise[order])


def test_an_observation_is_its_frames_one_after_the_other() -> None:
    rows = NOISE.reshape(20, 2, 32, 32, 3)
    encoder = Autoencoder(latent=3, epochs=1)
    space = BehaviorSpace(encoder, rows.shape[1:])
    space.fit(rows)
    measures, surprise = encoder.describe(space.learned, rows)
    single = encoder.describe(space.learned, NOISE)
    assert space.size == 6
    np.testing.assert_array_equal(measures, single[0].reshape(20, 6))
    np.testing.assert_allclose(surprise, single[1].reshape(20, 2).sum(axis=1))


def test_surprise_is_the_mean_squared_error_of_pixels() -> None:
    import torch

    for encoder, pool in ((Autoencoder(epochs=1), 2), (Autoencoder.stax(epochs=1), 1)):
        space = BehaviorSpace(encoder, (32, 32, 3))
        space.fit(NOISE)
        pixels = NOISE.reshape(40, 32 // pool, pool, 32 // pool, pool, 3).mean(axis=(2, 4)) / 255.0
        pixels = pixels.transpose(0, 3, 1, 2)
        mean, deviation = space.learned["mean"], space.learned["deviation"]
        networks = encoder._loaded(space.learned).eval()
        given = torch.tensor(((pixels - mean) / deviation).astype(np.float32))
        with torch.inference_mode():
            back = mean + deviation * networks[1](networks[0](given)).numpy()
        np.testing.assert_allclose(space.surprise(NOISE), ((back - pixels) ** 2).mean(axis=(1, 2, 3)), rtol=1e-4)


def test_the_kernel_averages_squares_of_pixels() -> None:
    for pool in (1, 2, 4):
        planes = np.empty((40, 3, 32 // pool, 32 // pool), np.float32)
        fill_planes(NOISE, pool, planes)
        twin = NOISE.reshape(40, 32 // pool, pool, 32 // pool, pool, 3).mean(axis=(2, 4)).transpose(0, 3, 1, 2) / 255.0
        np.testing.assert_allclose(planes, twin, rtol=1e-6)


def test_pictures_without_any_difference_have_no_spread() -> None:
    space = BehaviorSpace(Autoencoder(epochs=1), (32, 32, 3))
    assert space.fit(np.repeat(NOISE[:1], 20, axis=0)).spread == 0.0
    assert space.fit(NOISE).spread > 0.01


def test_at_most_max_rows_frames_are_trained_on() -> None:
    space = BehaviorSpace(Autoencoder(epochs=1, max_rows=10), (2, 32, 32, 3))
    assert space.fit(NOISE.reshape(20, 2, 32, 32, 3)).rows == 8  # a fifth validates
    assert space.fit(NOISE[:0].reshape(0, 2, 32, 32, 3)).rows == 0
    assert space.encode(NOISE[:0].reshape(0, 2, 32, 32, 3)).shape == (0, 20)


def test_trajectories_that_are_not_finite_are_not_trained_on_and_spoil_no_other() -> None:
    rows = generator(5, "test").normal(size=(30, 10, 2)).cumsum(axis=1)
    broken = rows.copy()
    broken[3, 4, 1] = np.nan
    space = BehaviorSpace(SequenceAutoencoder(latent=2, epochs=3), (10, 2))
    outcome = space.fit(broken)
    assert (outcome.rows, outcome.rolled_back) == (24, False)  # 29, less the fifth that validates
    others = np.arange(30) != 3
    np.testing.assert_array_equal(space.encode(broken)[others], space.encode(rows)[others])


def test_an_untrained_encoder_stays_untrained() -> None:
    encoder = RandomEncoder(latent=3)
    space = BehaviorSpace(encoder, (32, 32, 3))
    before = space.encode(NOISE)
    space.fit(NOISE)
    np.testing.assert_array_equal(space.encode(NOISE), before)
    assert (encoder.describe(space.learned, NOISE)[1] == 0).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Autoencoder(device="tpu"), r"Autoencoder.device: got 'tpu', wanted 'cpu', 'cuda', 'cuda:N' or 'auto'"),
        (lambda: Autoencoder(architecture="stacks"), r"Autoencoder.architecture: got 'stacks'; did you mean 'stax'"),
        (lambda: Autoencoder(latent=0), r"Autoencoder.latent: got 0"),
        (lambda: Autoencoder(validation=1.0), r"Autoencoder.validation: got 1.0"),
        (lambda: Autoencoder(learning_rate=float("nan")), r"Autoencoder.learning_rate: got nan"),
        (lambda: BetaVAE(beta=-1.0), r"BetaVAE.beta: got -1.0"),
        (lambda: SequenceAutoencoder(channels=0), r"SequenceAutoencoder.channels: got 0"),
        (lambda: Autoencoder().size((60, 64, 3)), r"multiples of 16"),
        (lambda: Autoencoder().size((64, 64)), r"shape \(64, 64\) cannot be encoded"),
        (lambda: SequenceAutoencoder().size((64,)), r"shape \(64,\) cannot be encoded"),
        (lambda: BehaviorSpace(Autoencoder(), (32, 32, 3)).encode(NOISE / 255), r"type float64, wanted .* uint8"),
    ],
)
def test_bad_settings_and_observations_are_refused(make: object, message: str) -> None:
    with pytest.raises(qd.QDError, match=message):
        make()  # type: ignore[operator]


def test_a_device_that_is_not_there_is_refused_before_any_work() -> None:
    import torch

    count = torch.cuda.device_count()
    with pytest.raises(qd.QDError, match=rf"Autoencoder.device: got 'cuda:{count}', but torch .* finds {count}"):
        BehaviorSpace(Autoencoder(device=f"cuda:{count}"), (32, 32, 3))
    BehaviorSpace(Autoencoder(device="auto", epochs=1), (32, 32, 3)).fit(NOISE)


@pytest.mark.parametrize("seed", [1, 2])
def test_latent_distances_know_where_a_disc_is_better_than_pca_and_an_untrained_network(seed: int) -> None:
    pictures, _ = discs(400, "training")
    unseen, centre = discs(300, "test")
    pairs = generator(0, "pairs").integers(300, size=(2, 4000))
    true = np.linalg.norm(centre[pairs[0]] - centre[pairs[1]], axis=1)

    def known(encoder: Encoder, fits: int = 1) -> tuple[float, float, float]:
        """Correlation of distances, how far the nearest neighbour in the latent is, and surprise."""
        space = BehaviorSpace(encoder, (32, 32, 3), seed)
        for _ in range(fits):
            space.fit(pictures)
        latent = space.encode(unseen)
        away = np.linalg.norm(latent[:, None] - latent, axis=2)
        np.fill_diagonal(away, np.inf)
        near = np.linalg.norm(centre - centre[away.argmin(axis=1)], axis=1).mean()
        distances = np.linalg.norm(latent[pairs[0]] - latent[pairs[1]], axis=1)
        surprise = float(space.surprise(unseen).mean()) if encoder.surprises else np.nan
        return float(np.corrcoef(distances, true)[0, 1]), float(near), surprise

    trained, untrained = known(Autoencoder(batch=32)), known(RandomEncoder())
    linear, before = known(PCA()), known(Autoencoder(), fits=0)
    assert trained[0] > max(linear[0], untrained[0]) + 0.1
    assert trained[1] < 0.85 * min(linear[1], untrained[1])
    assert trained[2] < 0.1 * before[2]
