"""Eight-bit integers for the encoder's weights: pure arithmetic on arrays, called by `graph`.

Weights of a linear layer use 7 of the 8 bits. Processors without VNNI add two products of an
unsigned and a signed byte in 16 bits, and clip what doesn't fit: 2 * 255 * 63 fits, 2 * 255 * 127
doesn't. So every processor computes the same integers, and vectors made on one machine fit those of
another.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

LINEAR_LEVELS = 63
TABLE_LEVELS = 127

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.int8]


def quantise(weights: Floats, *, axis: int, levels: int) -> tuple[Bytes, Floats]:
    """Return signed integers within ±`levels` and the scales that undo them.

    Each slice along `axis` (rows or columns of a matrix) shares one scale, kept as that axis' size
    of one: `integers * scales` approximates `weights` within half a scale.
    """
    largest = np.abs(weights).max(axis=axis, keepdims=True)
    scales = np.where(largest > 0, largest / levels, 1).astype(np.float32)
    integers = np.clip(np.rint(weights / scales), -levels, levels).astype(np.int8)
    return integers, scales
