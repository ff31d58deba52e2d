from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from django.conf import settings
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from kb.inference import encoder, vectors

unit_numbers = arrays.arrays(np.float32, 8, elements=st.floats(-1, 1, width=32))


@given(vector=unit_numbers)
def test_a_packed_vector_comes_back_within_float16(vector: npt.NDArray[np.float32]) -> None:
    data = vectors.pack(vector)
    assert len(data) == 16
    np.testing.assert_allclose(vectors.unpack(data, 8), vector, rtol=2**-11, atol=1e-7)


def test_packed_vectors_are_little_endian_on_every_machine() -> None:
    assert vectors.pack(np.array([1.0], dtype=np.float32)) == b"\x00\x3c"


def test_many_packed_vectors_become_one_matrix() -> None:
    rows = [vectors.pack(row) for row in np.eye(3, dtype=np.float32)]
    np.testing.assert_array_equal(vectors.unpack_all(rows, 3), np.eye(3))
    assert vectors.unpack_all([], 3).shape == (0, 3)


def test_a_vector_of_another_encoder_is_refused_by_its_length() -> None:
    with pytest.raises(ValueError, match="holds 16 bytes; 384 dimensions take 768"):
        vectors.unpack(bytes(16), 384)


def test_a_question_is_embedded_once_and_kept(own_encoder: encoder.Encoder) -> None:
    kept = vectors.QuestionVectors(capacity=10)
    first = kept.get(own_encoder, "How long does a refund take?")
    assert kept.get(own_encoder, "How long does a refund take?") is first
    np.testing.assert_array_equal(first, own_encoder.embed_one("How long does a refund take?"))


def test_a_kept_vector_cant_be_changed_by_who_got_it(own_encoder: encoder.Encoder) -> None:
    vector = vectors.QuestionVectors(capacity=1).get(own_encoder, "Refunds?")
    with pytest.raises(ValueError, match="read-only"):
        vector[0] = 1


def test_the_questions_asked_longest_ago_are_dropped_first(own_encoder: encoder.Encoder) -> None:
    kept = vectors.QuestionVectors(capacity=2)
    first, second = kept.get(own_encoder, "one"), kept.get(own_encoder, "two")
    assert kept.get(own_encoder, "one") is first
    kept.get(own_encoder, "three")
    assert len(kept) == 2
    assert kept.get(own_encoder, "one") is first
    assert kept.get(own_encoder, "two") is not second


def test_threads_that_ask_at_once_agree(own_encoder: encoder.Encoder) -> None:
    kept = vectors.QuestionVectors(capacity=5)
    texts = [f"question {number % 8}" for number in range(200)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda text: kept.get(own_encoder, text), texts))
    assert len(kept) == 5
    for text, vector in zip(texts[:8], found[:8], strict=True):
        np.testing.assert_array_equal(vector, own_encoder.embed_one(text))


def test_without_an_encoder_a_question_has_no_vector(tmp_path: Path) -> None:
    changes = {"home": tmp_path, "encoder_path": str(tmp_path / "absent")}
    with override_settings(KB={**settings.KB, **changes}):
        assert vectors.question_vector("Refunds?") is None


def test_with_an_encoder_a_question_has_one(
    prepared_home: Path, own_encoder: encoder.Encoder
) -> None:
    with override_settings(KB={**settings.KB, "home": prepared_home, "encoder_path": ""}):
        vector = vectors.question_vector("Refunds?")
    np.testing.assert_array_equal(vector, own_encoder.embed_one("Refunds?"))
