from __future__ import annotations

import numpy as np
import pytest

from kb.inference import graph, preparation, runtime, weights
from kb.inference.model import SentenceModel


@pytest.fixture(scope="module")
def original(tensors: graph.Tensors) -> SentenceModel:
    """The encoder in float32."""
    return SentenceModel(
        session=runtime.open_session(graph.build(tensors, quantised=False)),
        tokenizer=weights.find().read_tokenizer(),
        max_tokens=preparation.MAX_TOKENS,
    )


@pytest.mark.parametrize(
    ("text", "published"),
    [
        ("That is a happy dog", 0.695),
        ("That is a very happy person", 0.943),
        ("Today is a sunny day", 0.257),
    ],
)
def test_the_float32_graph_gives_the_similarities_published_for_the_model(
    original: SentenceModel, text: str, published: float
) -> None:
    similarity = original.vector("That is a happy person") @ original.vector(text)
    assert similarity == pytest.approx(published, abs=0.001)


def test_the_quantised_encoder_agrees_with_the_float32_original(
    original: SentenceModel, tensors: graph.Tensors
) -> None:
    quantised = SentenceModel(
        session=runtime.open_session(graph.build(tensors, quantised=True)),
        tokenizer=weights.find().read_tokenizer(),
        max_tokens=preparation.MAX_TOKENS,
    )
    for text in preparation.SENTENCES:
        assert quantised.vector(text) @ original.vector(text) >= preparation.LEAST_AGREEMENT, text


def test_the_same_weights_give_the_same_bytes(tensors: graph.Tensors) -> None:
    assert graph.build(tensors, quantised=True) == graph.build(tensors, quantised=True)


def test_padding_and_company_dont_move_a_vector(tensors: graph.Tensors) -> None:
    session = runtime.open_session(graph.build(tensors, quantised=True))
    short, long = [101, 7592, 102], [101, *range(2_000, 2_030), 102]

    def run(*rows: list[int]) -> np.ndarray:
        width = max(map(len, rows))
        ids = np.array([row + [0] * (width - len(row)) for row in rows], dtype=np.int64)
        mask = np.array([[1] * len(row) + [0] * (width - len(row)) for row in rows])
        return np.asarray(session.run(None, {"input_ids": ids, "attention_mask": mask})[0])

    np.testing.assert_allclose(run(short, long)[0], run(short)[0], atol=1e-5)
    np.testing.assert_allclose(run(short, long)[1], run(long)[0], atol=1e-5)
