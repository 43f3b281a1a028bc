import numpy as np
import pytest
import torch

from skgal.nn import torch_generator
from skgal.training import AUGMENTATIONS, resolve_augmentations


@pytest.fixture
def images():
    return torch.rand(6, 2, 16, 12, generator=torch_generator(1)) * 2 - 1


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_shape_and_seed(name, images):
    augment = AUGMENTATIONS[name]
    before = images.clone()
    first = augment(images, torch_generator(0))
    assert first.shape == images.shape
    assert torch.equal(first, augment(images, torch_generator(0)))
    assert not torch.equal(first, augment(images, torch_generator(1)))
    assert torch.equal(images, before)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_gradient_agrees_with_finite_differences(name, images):
    small = images[:2, :1, :8, :8].double().requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x: AUGMENTATIONS[name](x, torch_generator(0)), small, fast_mode=True
    )


def test_translation_moves_whole_images_by_at_most_an_eighth(images):
    moved = AUGMENTATIONS["translation"](images, torch_generator(0)).numpy()
    for original, result in zip(images.numpy(), moved, strict=True):
        padded = np.pad(original, [(0, 0), (2, 2), (2, 2)], constant_values=-1)
        windows = [padded[:, r : r + 16, c : c + 12] for r in range(5) for c in range(5)]
        assert any(np.array_equal(result, window) for window in windows)


def test_translation_reaches_every_shift():
    image = torch.full((1, 1, 16, 16), -1.0)
    image[0, 0, 8, 8] = 1.0
    moved = AUGMENTATIONS["translation"](image.repeat(500, 1, 1, 1), torch_generator(0))
    rows, columns = torch.nonzero(moved[:, 0] == 1)[:, 1:].unbind(1)
    assert sorted(rows.unique().tolist()) == [6, 7, 8, 9, 10]
    assert sorted(columns.unique().tolist()) == [6, 7, 8, 9, 10]


def test_flip_mirrors_about_half_of_the_images(images):
    many = images[:1].repeat(1000, 1, 1, 1)
    flipped = AUGMENTATIONS["flip"](many, torch_generator(0))
    is_mirrored = (flipped == images[0].flip(-1)).flatten(1).all(1)
    is_same = (flipped == images[0]).flatten(1).all(1)
    assert torch.all(is_mirrored ^ is_same)
    assert 0.45 < is_mirrored.float().mean() < 0.55


def test_cutout_paints_one_rectangle_of_at_most_half_the_sides(images):
    cut = AUGMENTATIONS["cutout"](images, torch_generator(0))
    for original, result in zip(images, cut, strict=True):
        hole = (result == 0).all(0)
        rows, columns = torch.nonzero(hole).T
        height, width = rows.max() - rows.min() + 1, columns.max() - columns.min() + 1
        assert height * width == hole.sum()
        assert 4 <= height <= 8
        assert 3 <= width <= 6
        assert torch.equal(result[:, ~hole], original[:, ~hole])


def test_brightness_adds_one_constant_an_image(images):
    added = AUGMENTATIONS["brightness"](images, torch_generator(0)) - images
    assert torch.allclose(added, added[:, :1, :1, :1].expand_as(added), atol=1e-6)
    assert added.abs().max() <= 0.5 + 1e-6


def test_auto_keeps_what_an_image_shows_and_leaves_tables_alone():
    assert resolve_augmentations("auto", is_image=True) == (AUGMENTATIONS["translation"],)
    assert resolve_augmentations("auto", is_image=False) == ()
    assert resolve_augmentations(None, is_image=True) == ()
    assert resolve_augmentations("flip", is_image=True) == (AUGMENTATIONS["flip"],)


def test_unknown_name_and_augmented_table_are_refused():
    with pytest.raises(ValueError, match=r"Unknown augmentation 'rotate'.*brightness"):
        resolve_augmentations(("flip", "rotate"), is_image=True)
    with pytest.raises(ValueError, match="X is a table"):
        resolve_augmentations("flip", is_image=False)
