from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, pre_tokenizers

from kb.inference import encoder
from kb.inference.errors import EncoderUnavailable

WORDS = {"[UNK]": 0, "refund": 1, "delivery": 2, "question:": 3}


def _write_model(path: Path, *, inputs: tuple[str, ...] = ("input_ids",)) -> None:
    """Write a model whose hidden states are its words' rows of the identity matrix."""
    table = numpy_helper.from_array(np.eye(len(WORDS), dtype=np.float32), "table")
    nodes = [helper.make_node("Gather", ["table", inputs[0]], ["last_hidden_state"])]
    ids = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "sequence"])
        for name in inputs
    ]
    states = helper.make_tensor_value_info(
        "last_hidden_state", TensorProto.FLOAT, ["batch", "sequence", len(WORDS)]
    )
    graph = helper.make_graph(nodes, "tiny", ids, [states], [table])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    path.write_bytes(model.SerializeToString())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tiny sentence encoder as an administrator would put it down."""
    place = tmp_path / "Tiny Encoder"
    place.mkdir()
    _write_model(place / "model.onnx")
    tokenizer = Tokenizer(models.WordLevel(WORDS, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.save(str(place / "tokenizer.json"))
    return place


def _load(folder: Path, **config: Any) -> encoder.Encoder:
    if config:
        (folder / "config.json").write_text(json.dumps(config))
    return encoder.load(home=folder.parent, path=str(folder))


def test_states_are_pooled_by_their_mean_unless_told_otherwise(folder: Path) -> None:
    vector = _load(folder).embed_one("refund refund delivery")
    np.testing.assert_allclose(vector, np.array([0, 2, 1, 0]) / np.sqrt(5), atol=1e-6)


def test_cls_pooling_takes_the_first_token(folder: Path) -> None:
    vector = _load(folder, pooling="cls").embed_one("delivery refund refund")
    np.testing.assert_allclose(vector, [0, 0, 1, 0], atol=1e-6)


def test_prefixes_tell_questions_from_passages(folder: Path) -> None:
    other = _load(folder, query_prefix="question: ")
    assert other.embed_one("refund")[3] > 0
    assert other.embed(["refund"])[0, 3] == 0


def test_max_length_cuts_texts(folder: Path) -> None:
    text = "refund " * 8 + "delivery"
    assert _load(folder, max_length=8).embed_one(text)[2] == 0


def test_keys_of_other_programs_in_config_json_are_ignored(folder: Path) -> None:
    assert _load(folder, architectures=["BertModel"]).dimensions == len(WORDS)


def test_the_name_follows_the_files(folder: Path) -> None:
    first = _load(folder).name
    assert first.startswith("tiny-encoder-")
    assert _load(folder).name == first
    assert _load(folder, pooling="cls").name != first


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"pooling": "max"}, "pooling in config.json is 'max'"),
        ({"max_length": "many"}, "max_length in config.json is 'many'"),
        ({"max_length": 0}, "max_length in config.json is 0"),
        ({"query_prefix": 1}, "query_prefix in config.json is 1"),
    ],
)
def test_a_wrong_value_in_config_json_is_named(
    folder: Path, config: dict[str, Any], reason: str
) -> None:
    with pytest.raises(EncoderUnavailable, match=reason):
        _load(folder, **config)


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(EncoderUnavailable, match=f"holds no {name}"):
        _load(folder)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("model.onnx", "can't open the encoder"),
        ("tokenizer.json", "tokenizer.json can't be used"),
        ("config.json", "config.json isn't JSON"),
    ],
)
def test_a_broken_file_is_one_clear_line(folder: Path, name: str, reason: str) -> None:
    (folder / name).write_bytes(b"\xff broken \n file")
    with pytest.raises(EncoderUnavailable, match=reason) as caught:
        _load(folder)
    assert "\n" not in caught.value.reason
    assert str(folder) in caught.value.reason


def test_a_model_that_isnt_a_sentence_encoder_is_refused_by_its_inputs(folder: Path) -> None:
    _write_model(folder / "model.onnx", inputs=("pixels",))
    with pytest.raises(EncoderUnavailable, match="asks for the inputs pixels"):
        _load(folder)


def test_a_path_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EncoderUnavailable, match="isn't a folder"):
        encoder.load(home=tmp_path, path=str(tmp_path / "nowhere"))
