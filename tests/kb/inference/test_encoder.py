from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings
from django.test import override_settings

from kb.inference import checks, encoder

QUESTIONS = (
    "Can I return shoes that I have worn once?",
    "How long does a refund take?",
    "when will my parcel arrive",
    "Do I pay for a second replacement card?",
)
LONG = "A refund reaches the card within five working days of our receiving the parcel. " * 40


def test_a_question_is_nearer_to_its_answer_than_to_anything_else(
    own_encoder: encoder.Encoder,
) -> None:
    passages = own_encoder.embed(
        [
            "Cards > Replacement: the first card is free, each further card costs $5.",
            "Refunds > Timing: money is back on your card within five working days.",
            "Returns > Condition: shoes may be returned if worn indoors only.",
            "Delivery > Times: parcels arrive two to four days after dispatch.",
        ]
    )
    nearest = [int((passages @ own_encoder.embed_one(text)).argmax()) for text in QUESTIONS]
    assert nearest == [2, 1, 3, 0]


def test_vectors_have_length_one_and_come_in_the_order_given(own_encoder: encoder.Encoder) -> None:
    texts = [LONG, *QUESTIONS, "", LONG]
    vectors = own_encoder.embed(texts)
    assert vectors.shape == (7, own_encoder.dimensions)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    for text, vector in zip(texts, vectors, strict=True):
        np.testing.assert_array_equal(vector, own_encoder.embed_one(text))


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_a_text_has_the_same_vector_in_any_company(
    own_encoder: encoder.Encoder, threads: int
) -> None:
    alone = own_encoder.embed_one(QUESTIONS[0])
    beside = own_encoder.embed([LONG, "¿Cuánto tarda?", QUESTIONS[0], "x"], threads=threads)
    np.testing.assert_allclose(beside[2], alone, atol=1e-6)


def test_no_texts_give_no_vectors(own_encoder: encoder.Encoder) -> None:
    assert own_encoder.embed([]).shape == (0, own_encoder.dimensions)


@pytest.mark.parametrize("text", ["", " ", "\x00", "\ud800 lone surrogate", "你好", "a" * 500_000])
def test_odd_texts_are_embedded_all_the_same(own_encoder: encoder.Encoder, text: str) -> None:
    assert np.isfinite(own_encoder.embed_one(text)).all()


def test_only_the_first_tokens_of_a_long_text_count(own_encoder: encoder.Encoder) -> None:
    longer = LONG + "Something else altogether about whales."
    np.testing.assert_array_equal(own_encoder.embed_one(longer), own_encoder.embed_one(LONG))


def _settings(**changes: Any) -> Any:
    return override_settings(KB={**settings.KB, "encoder_path": "", **changes})


def test_a_process_loads_its_encoder_once(prepared_home: Path) -> None:
    with _settings(home=prepared_home):
        first = encoder.current()
        assert first is not None
        assert encoder.current() is first
        assert encoder.status() == encoder.Status(available=True, name=first.name, reason="")


def test_a_process_without_an_encoder_says_so_once_and_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    absent = str(tmp_path / "absent")
    with (
        _settings(home=tmp_path, encoder_path=absent),
        caplog.at_level(logging.ERROR, logger="kb.inference"),
    ):
        assert encoder.current() is None
        assert encoder.current() is None
        status = encoder.status()
    assert not status.available
    assert absent in status.reason
    assert "\n" not in status.reason
    assert [record.getMessage() for record in caplog.records] == [
        "NO SENTENCE ENCODER: questions are answered from lexical search alone. " + status.reason
    ]


def test_the_system_check_is_silent_where_the_encoder_is_ready(prepared_home: Path) -> None:
    with _settings(home=prepared_home):
        assert checks.encoder_can_be_prepared(None) == []


def test_the_system_check_warns_with_the_reason_and_what_to_do(tmp_path: Path) -> None:
    with _settings(home=tmp_path, encoder_path=str(tmp_path / "absent")):
        (warning,) = checks.encoder_can_be_prepared(None)
    assert warning.id == "kb.W001"
    assert "absent isn't a folder" in warning.msg
    assert "prepare_encoder" in str(warning.hint)
