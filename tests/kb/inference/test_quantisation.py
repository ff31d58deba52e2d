from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from kb.inference import quantisation

matrices = arrays.arrays(
    np.float32,
    arrays.array_shapes(min_dims=2, max_dims=2, max_side=8),
    elements=st.floats(-4, 4, width=32).map(lambda value: np.float32(round(value, 4))),
)


@pytest.mark.parametrize("axis", [0, 1])
@given(weights=matrices, levels=st.sampled_from([63, 127]))
def test_integers_times_scales_are_within_half_a_step_of_the_weights(
    axis: int, weights: npt.NDArray[np.float32], levels: int
) -> None:
    integers, scales = quantisation.quantise(weights, axis=axis, levels=levels)
    assert np.abs(integers.astype(int)).max() <= levels
    assert (np.abs(integers * scales - weights) <= scales * 0.501).all()


def test_a_column_of_zeros_stays_zero() -> None:
    integers, scales = quantisation.quantise(np.zeros((3, 2), np.float32), axis=0, levels=63)
    assert not integers.any()
    assert np.isfinite(scales).all()


def test_two_products_of_a_linear_layer_fit_sixteen_bits_on_every_processor() -> None:
    assert 2 * 255 * quantisation.LINEAR_LEVELS < 2**15
