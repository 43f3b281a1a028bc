"""The ladder of resolutions, for every size it is meant for."""

from itertools import product

import pytest

from skgal.nn._ladder import resolution_ladder

SIZES = [size for size in product(range(1, 65, 3), [1, 6, 7, 8, 13, 28, 37, 64]) if max(size) > 6]


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_each_rung_is_the_rounded_up_half_of_the_one_above(height, width):
    rungs, base = resolution_ladder((1, height, width))
    sizes = [rung.size for rung in rungs] + [base]
    assert sizes[0] == (height, width)
    for rung, below in zip(rungs, sizes[1:], strict=True):
        for side, stride, half in zip(rung.size, rung.stride, below, strict=True):
            assert stride == (2 if side > 6 else 1)
            assert half == (side + 1) // 2 if stride == 2 else half == side
    for side, end in zip((height, width), base, strict=True):
        assert 4 <= end <= 6 if side > 6 else end == side


def test_familiar_sizes():
    assert [rung.size for rung in resolution_ladder((1, 28, 28))[0]] == [(28, 28), (14, 14), (7, 7)]
    assert len(resolution_ladder((3, 64, 64))[0]) == 4
