import builtins

import numpy as np
import pytest

from skgal.generators import CGAN
from skgal.inspection import QueryDisplay, ReconstructionDisplay, SamplesDisplay
from skgal.matching import FeatureMatcher


def random_images(n=7, shape=(1, 4, 5), dtype="uint8", seed=0):
    images = np.random.default_rng(seed).integers(0, 256, size=(n, *shape)).astype(dtype)
    images.flat[:2] = 0, 255
    return images


def drawn_cell(display, row, column, shape):
    """Pixels of one image in the picture, channels last."""
    _, h, w = shape
    picture = np.asarray(display.image_.get_array())
    top, left = row * (h + 1), column * (w + 1)
    return picture[top : top + h, left : left + w]


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_each_image_is_in_its_cell(dtype):
    images = random_images(dtype=dtype)
    display = SamplesDisplay(images).plot(n_columns=3)
    assert display.image_.get_array().shape == (3 * 5 - 1, 3 * 6 - 1)
    for i, image in enumerate(images):
        cell = drawn_cell(display, i // 3, i % 3, image.shape)
        np.testing.assert_allclose(cell, image[0] / 255, atol=1e-6)
    assert np.all(drawn_cell(display, 2, 2, (1, 4, 5)) == 1)


def test_colour_images_keep_their_channels():
    images = random_images(shape=(3, 4, 5))
    display = SamplesDisplay(images).plot(n_columns=7)
    cell = drawn_cell(display, 0, 6, images.shape[1:])
    np.testing.assert_allclose(cell, images[6].transpose(1, 2, 0) / 255, atol=1e-6)


def test_flat_images_are_drawn_as_images():
    images = random_images()
    flat = SamplesDisplay(images.reshape(7, -1), image_shape=(1, 4, 5)).plot()
    np.testing.assert_array_equal(
        flat.image_.get_array(), SamplesDisplay(images).plot().image_.get_array()
    )


def test_grid_is_about_square():
    display = SamplesDisplay(random_images(n=10)).plot()
    assert display.image_.get_array().shape == (3 * 5 - 1, 4 * 6 - 1)


def test_samples_of_a_generator(generator):
    display = SamplesDisplay.from_generator(generator, n_samples=5, random_state=3)
    np.testing.assert_array_equal(display.images, generator.sample(5, random_state=3))
    assert display.figure_ is display.ax_.figure


def test_samples_of_a_generator_of_classes():
    X = random_images(n=12, shape=(1, 8, 8))
    cgan = CGAN(latent_dim=2, max_iter=1, random_state=0).fit(X, np.arange(12) % 2)
    display = SamplesDisplay.from_generator(cgan, n_samples=4)
    np.testing.assert_array_equal(display.images, cgan.sample(4)[0])


def test_shape_of_flat_images_is_the_generators(make_generator, monkeypatch):
    generator = make_generator().fit()
    generate = generator.generate
    monkeypatch.setattr(generator, "generate", lambda Z, y=None: generate(Z).reshape(len(Z), -1))
    display = SamplesDisplay.from_generator(generator, n_samples=4, random_state=0)
    assert display.images.shape == (4, 16)


def test_reconstructions_are_below_their_originals():
    originals = random_images(n=5)
    reconstructions = random_images(n=5, seed=1)
    display = ReconstructionDisplay(originals, reconstructions).plot(n_columns=3)
    for i in range(5):
        above = drawn_cell(display, 2 * (i // 3), i % 3, (1, 4, 5))
        below = drawn_cell(display, 2 * (i // 3) + 1, i % 3, (1, 4, 5))
        np.testing.assert_allclose(above, originals[i, 0] / 255, atol=1e-6)
        np.testing.assert_allclose(below, reconstructions[i, 0] / 255, atol=1e-6)
    labels = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert labels == ["real", "reconstructed"] * 2
    np.testing.assert_array_equal(display.ax_.get_yticks(), [1.5, 6.5, 11.5, 16.5])


def test_both_rows_have_the_brightness_of_the_originals():
    originals = random_images(n=2)
    half = originals // 2
    display = ReconstructionDisplay(originals, half).plot(n_columns=2)
    np.testing.assert_allclose(drawn_cell(display, 1, 1, (1, 4, 5)), half[1, 0] / 255, atol=1e-6)


def test_reconstructions_of_a_generator(generator):
    X = generator.sample(4, random_state=0)
    display = ReconstructionDisplay.from_generator(generator, X)
    np.testing.assert_allclose(display.reconstructions, X)


def test_reconstruction_needs_an_encoder(make_generator):
    class WithoutEncoder(make_generator):
        inverse_transform = property()

    generator = WithoutEncoder().fit()
    with pytest.raises(TypeError, match="WithoutEncoder has no inverse_transform"):
        ReconstructionDisplay.from_generator(generator, generator.sample(2, random_state=0))


def test_a_given_axes_is_used(generator):
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots()
    display = SamplesDisplay(random_images()).plot(ax)
    assert display.ax_ is ax
    assert display.figure_ is figure
    assert len(plt.get_fignums()) == 1


@pytest.mark.parametrize(
    ("images", "image_shape", "message"),
    [
        (np.zeros((3, 16)), None, "say image_shape="),
        (np.zeros((3, 2, 4, 4)), None, "choose one or three of the channels"),
        (np.zeros((3, 15)), (1, 4, 4), "change image_shape or X"),
        (np.full((3, 1, 4, 4), np.nan), None, "NaN"),
        (np.zeros((0, 1, 4, 4)), None, "minimum of 1 is required"),
    ],
)
def test_what_is_no_image_is_refused(images, image_shape, message):
    with pytest.raises(ValueError, match=message):
        SamplesDisplay(images, image_shape=image_shape).plot()


def test_originals_and_reconstructions_must_match():
    with pytest.raises(ValueError, match=r"same shape, got \(7, 1, 4, 5\) and \(6, 1, 4, 5\)"):
        ReconstructionDisplay(random_images(), random_images(n=6)).plot()


def test_without_matplotlib(monkeypatch):
    original = builtins.__import__

    def without_matplotlib(name, *args, **kwargs):
        if name.partition(".")[0] == "matplotlib":
            raise ImportError(name)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_matplotlib)
    with pytest.raises(ImportError, match=r"SamplesDisplay.plot requires matplotlib"):
        SamplesDisplay(random_images()).plot()


def texts(display):
    return [text.get_text() for text in display.ax_.texts]


def row_names(display):
    return [label.get_text() for label in display.ax_.get_yticklabels()]


def test_classes_are_written_below_the_images_or_beside_their_rows():
    images = random_images(n=6)
    mixed = SamplesDisplay(images, labels=list("abcabc")).plot(n_columns=3)
    assert texts(mixed) == list("abcabc")
    by_row = SamplesDisplay(images, labels=list("aaabbb")).plot(n_columns=3)
    assert texts(by_row) == []
    assert row_names(by_row) == ["a", "b"]
    np.testing.assert_allclose(drawn_cell(by_row, 1, 0, (1, 4, 5)), images[3, 0] / 255, atol=1e-6)
    with pytest.raises(ValueError, match="6 images, but 2 labels"):
        SamplesDisplay(images, labels=["a", "b"]).plot()


def test_labels_don_t_cover_images():
    images = random_images(n=6)
    display = SamplesDisplay(images, labels=list("abcabc")).plot(n_columns=3)
    picture = np.asarray(display.image_.get_array())
    gap = picture.shape[0] - 2 * 4  # two rows of images, one gap between them
    np.testing.assert_allclose(picture[4 + gap :, :5], images[3, 0] / 255, atol=1e-6)
    assert [text.get_position()[1] for text in display.ax_.texts[:1]] == [3.5]


def test_samples_at_given_latent_points(generator):
    Z = generator.sample_latent(3, random_state=0)
    display = SamplesDisplay.from_generator(generator, Z=Z)
    np.testing.assert_array_equal(display.images, generator.generate(Z))


def test_samples_of_given_classes_have_their_names():
    X = random_images(n=12, shape=(1, 8, 8))
    cgan = CGAN(latent_dim=2, max_iter=1, random_state=0).fit(X, np.repeat(["x", "y"], 6))
    display = SamplesDisplay.from_generator(cgan, y=["x", "x", "y", "y"], n_columns=2)
    assert row_names(display) == ["x", "y"]
    np.testing.assert_array_equal(display.images, cgan.sample(y=["x", "x", "y", "y"])[0])


def test_a_grid_of_the_latent_plane(make_generator):
    generator = make_generator(latent_dim=3).fit()
    display = SamplesDisplay.from_latent_plane(
        generator, coordinates=(2, 0), n_grid=3, origin=[0.0, 0.5, 0.0]
    )
    # The second coordinate, here number 0, goes upwards.
    Z = np.array([[second, 0.5, first] for second in (1, 0, -1) for first in (-1, 0, 1)])
    expected = generator.generate(Z)
    span = display.images.max() - display.images.min()
    for i, image in enumerate(expected):
        cell = drawn_cell(display, i // 3, i % 3, (1, 4, 4))
        np.testing.assert_allclose(cell, (image[0] - display.images.min()) / span, atol=1e-5)
    assert display.ax_.get_xlabel() == "latent coordinate 3"
    assert display.ax_.get_ylabel() == "latent coordinate 1"
    assert [label.get_text() for label in display.ax_.get_xticklabels()][::2] == ["-1", "0", "1"]
    with pytest.raises(ValueError, match="latent_dim - 1 = 2"):
        SamplesDisplay.from_latent_plane(generator, coordinates=(0, 3))


def test_matches_are_below_the_generated_images():
    pool = random_images(n=20)
    matcher = FeatureMatcher(n_components=None).fit(pool)
    generated = pool[[3, 7, 11]]
    display = QueryDisplay.from_matcher(
        matcher, generated, pool, n_neighbors=2, labels=np.arange(20) % 10
    )
    assert row_names(display) == ["generated", "match 1", "match 2"]
    np.testing.assert_array_equal(display.matched[:, 0], generated)
    assert texts(display)[::2] == ["3 / 3", "7 / 7", "1 / 11"]
    picture = np.asarray(display.image_.get_array())
    low, high = display.matched.min(), display.matched.max()
    expected = (generated[1, 0] - float(low)) / (high - float(low))
    np.testing.assert_allclose(picture[:4, 6:11], np.clip(expected, 0, 1), atol=1e-6)
    with pytest.raises(ValueError, match="2 generated images, but matches for 3"):
        QueryDisplay(generated[:2], display.matched).plot()
