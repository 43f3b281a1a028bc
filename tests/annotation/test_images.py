import base64
import io

import numpy as np
import pytest
from PIL import Image

from skgal.annotation._samples import show_samples


def decoded(pictures, bundle=0):
    pngs = pictures.images(bundle)
    return np.stack([np.asarray(Image.open(io.BytesIO(base64.b64decode(png)))) for png in pngs])


def test_pixels_that_span_all_bytes_come_back_as_they_were():
    pixels = np.arange(2 * 3 * 16 * 8).reshape(2, 3, 16, 8) % 256
    for dtype in (np.uint8, np.int32, np.float32):
        shown = decoded(show_samples(list(pixels.astype(dtype))))
        np.testing.assert_array_equal(shown, pixels.transpose(0, 2, 3, 1))


def test_one_range_for_the_whole_batch():
    images = [np.full((1, 2, 2), value) for value in (-1.0, 0.0, 1.0)]
    assert decoded(show_samples(images))[:, 0, 0].tolist() == [0, 128, 255]


def test_flat_images_and_odd_channels():
    images = np.linspace(0, 1, 2 * 2 * 3 * 4).reshape(2, 2, 3, 4)
    shown = decoded(show_samples(list(images)))
    assert shown.shape == (2, 3, 8)  # two channels, side by side
    np.testing.assert_array_equal(shown[:, :, 4:], np.rint(255 * images[:, 1]))
    flat = show_samples(list(images.reshape(2, -1)), image_shape=(2, 3, 4))
    np.testing.assert_array_equal(decoded(flat), shown)


def test_bundles_hold_each_image_once_and_in_order():
    rng = np.random.default_rng(0)
    images = rng.integers(256, size=(5, 1, 512, 512), dtype=np.uint8)
    images[0, 0, 0, :2] = 0, 255
    pictures = show_samples(list(images))
    assert pictures.describe()["image"] == {"width": 512, "height": 512, "perBundle": 2}
    shown = np.concatenate([decoded(pictures, bundle) for bundle in range(3)])
    np.testing.assert_array_equal(shown, images[:, 0])
    assert pictures.images(3) == []


@pytest.mark.parametrize(
    ("samples", "image_shape", "message"),
    [
        ([np.full((1, 2, 2), np.nan)], None, "NaN"),
        ([np.zeros((1, 2, 2)), np.zeros((1, 3, 3))], None, "one shape"),
        ([np.zeros(5)], (1, 2, 2), "image_shape"),
    ],
)
def test_what_cannot_be_shown_is_named(samples, image_shape, message):
    with pytest.raises(ValueError, match=message):
        show_samples(samples, image_shape=image_shape)


def test_rows_have_names_and_readable_values():
    rows = show_samples(
        [{"age": 61, "sex": "f", "dose": None}, {"age": 1, "sex": "m", "dose": 1 / 3}]
    )
    assert rows.describe() == {"image": None, "columns": ["age", "sex", "dose"]}
    assert rows.row(0) == ["61", "f", "missing"]
    assert rows.row(1) == ["1", "m", "0.333333"]
    named = show_samples([np.array([1.0, 2.5])], feature_names=["a", "b"])
    assert named.describe()["columns"] == ["a", "b"]
    assert named.row(0) == ["1", "2.5"]
    with pytest.raises(ValueError, match="2 columns"):
        show_samples([np.array([1.0, 2.5])], feature_names=["a"])
