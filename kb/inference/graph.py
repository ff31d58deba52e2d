"""The encoder as an ONNX graph: BERT (6 layers of 384, 12 heads), mean pooling, L2 normalisation.

Built from the checkpoint's arrays without a training framework. Quantised, each token's
activations get their own scale, so a text's vector depends on that text alone: with the usual
dynamic quantisation one scale serves the whole batch, and a text's numbers moved by up to 0.03
with its company.
Pure: arrays in, bytes out, the same bytes for the same arrays. Called by `preparation`.

Source of the architecture: Devlin et al. 2019 (BERT); Reimers and Gurevych 2019 (mean pooling).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, TensorProto, helper, numpy_helper

from kb.inference import quantisation

LAYERS = 6
HEADS = 12
WIDTH = 384
HEAD_WIDTH = WIDTH // HEADS
EPSILON = 1e-12
OUTPUT = "sentence_embedding"
# Bumped whenever what build() computes changes: vectors of two recipes are never compared.
RECIPE = 1

_OPSET = 20
_IR_VERSION = 10
_RUNTIME_DOMAIN = "com.microsoft"
_ZERO_POINT = 128
_MASKED = 10_000.0

Tensors = Mapping[str, npt.NDArray[np.float32]]


def build(tensors: Tensors, *, quantised: bool) -> bytes:
    """Return the serialised model: `input_ids`, `attention_mask` (batch, sequence; int64) to
    `sentence_embedding` (batch, 384; float32, length one).

    `tensors` is the checkpoint by its own names. Raises KeyError if one is missing.
    """
    writer = _Writer(tensors, quantised=quantised)
    writer.inputs()
    states = writer.embeddings()
    for number in range(LAYERS):
        states = writer.layer(number, states)
    writer.pooling(states)
    return writer.serialise()


class _Writer:
    """Appends nodes and constants. States stay flat (tokens, width); only attention folds them."""

    def __init__(self, tensors: Tensors, *, quantised: bool) -> None:
        self._tensors = tensors
        self._quantised = quantised
        self._nodes: list[NodeProto] = []
        self._constants: dict[str, TensorProto] = {}

    def _constant(self, name: str, value: npt.NDArray[np.generic]) -> str:
        if name not in self._constants:
            self._constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def _integers(self, *values: int) -> str:
        name = "int_" + "_".join(str(value).replace("-", "m") for value in values)
        return self._constant(name, np.array(values, dtype=np.int64))

    def _float(self, value: float) -> str:
        return self._constant(f"float_{value!r}", np.array(value, dtype=np.float32))

    def _node(
        self, kind: str, inputs: Sequence[str], output: str, *, domain: str = "", **attributes: Any
    ) -> str:
        node = helper.make_node(kind, inputs, [output], name=output, domain=domain, **attributes)
        self._nodes.append(node)
        return output

    def inputs(self) -> None:
        """Prepare the shapes and the mask that every layer uses."""
        node = self._node
        node("Shape", ["input_ids"], "shape")
        node("Slice", ["shape", self._integers(1), self._integers(2)], "length")
        heads = [self._integers(HEADS), self._integers(HEAD_WIDTH)]
        node("Concat", ["shape", *heads], "folded", axis=0)
        node("Concat", ["shape", self._integers(WIDTH)], "unfolded", axis=0)
        node("Cast", ["attention_mask"], "mask", to=TensorProto.FLOAT)
        node("Unsqueeze", ["mask", self._integers(1, 2)], "mask_of_keys")
        node("Sub", ["mask_of_keys", self._float(1.0)], "unmasked_is_zero")
        node("Mul", ["unmasked_is_zero", self._float(_MASKED)], "attention_bias")

    def embeddings(self) -> str:
        """Return words + positions + the first segment, normalised."""
        words = self._tensors["embeddings.word_embeddings.weight"]
        places = self._tensors["embeddings.position_embeddings.weight"]
        segment = self._tensors["embeddings.token_type_embeddings.weight"][0]
        node = self._node
        positions = self._constant("positions", places + segment)
        node("Slice", [positions, self._integers(0), "length", self._integers(0)], "places")
        node("Add", [self._word_vectors(words), "places"], "embedded")
        node("Reshape", ["embedded", self._integers(-1, WIDTH)], "tokens")
        return self._normalise("tokens", "embeddings.LayerNorm", "states")

    def _word_vectors(self, words: npt.NDArray[np.float32]) -> str:
        node = self._node
        if not self._quantised:
            return node("Gather", [self._constant("words", words), "input_ids"], "word_vectors")
        integers, scales = quantisation.quantise(words, axis=1, levels=quantisation.TABLE_LEVELS)
        node("Gather", [self._constant("words", integers), "input_ids"], "word_integers")
        node("Gather", [self._constant("word_scales", scales), "input_ids"], "word_scale")
        node("Cast", ["word_integers"], "word_floats", to=TensorProto.FLOAT)
        return node("Mul", ["word_floats", "word_scale"], "word_vectors")

    def layer(self, number: int, states: str) -> str:
        """Return the states after one transformer layer."""
        node = self._node
        source, name = f"encoder.layer.{number}", f"layer{number}"
        context = self._attention(states, f"{source}.attention.self", f"{name}_attention")
        output = self._linear(context, f"{source}.attention.output.dense", f"{name}_projected")
        node("Add", [output, states], f"{name}_attended")
        norm = f"{source}.attention.output.LayerNorm"
        middle = self._normalise(f"{name}_attended", norm, f"{name}_middle")
        wide = self._linear(middle, f"{source}.intermediate.dense", f"{name}_wide")
        node("Gelu", [wide], f"{name}_gelu")
        narrow = self._linear(f"{name}_gelu", f"{source}.output.dense", f"{name}_narrow")
        node("Add", [narrow, middle], f"{name}_sum")
        return self._normalise(f"{name}_sum", f"{source}.output.LayerNorm", f"{name}_states")

    def _attention(self, states: str, source: str, name: str) -> str:
        node = self._node
        parts = ("query", "key", "value")
        # Queries carry the 1/sqrt(d) of attention in their weights; one product makes all three.
        shrink = np.array([1 / np.sqrt(HEAD_WIDTH), 1, 1], dtype=np.float32)
        pairs = list(zip(parts, shrink, strict=True))
        weight = np.concatenate([self._tensors[f"{source}.{p}.weight"] * s for p, s in pairs])
        bias = np.concatenate([self._tensors[f"{source}.{p}.bias"] * s for p, s in pairs])
        joined = self._product(states, weight.T, bias, f"{name}_joined")
        outputs = [f"{name}_{part}" for part in parts]
        split = helper.make_node(
            "Split", [joined, self._integers(WIDTH, WIDTH, WIDTH)], outputs, name=name, axis=1
        )
        self._nodes.append(split)
        for output, order in zip(outputs, ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]), strict=True):
            node("Reshape", [output, "folded"], f"{output}_folded")
            node("Transpose", [f"{output}_folded"], f"{output}_heads", perm=order)
        query, key, value = (f"{output}_heads" for output in outputs)
        node("MatMul", [query, key], f"{name}_scores")
        node("Add", [f"{name}_scores", "attention_bias"], f"{name}_masked")
        node("Softmax", [f"{name}_masked"], f"{name}_shares", axis=-1)
        node("MatMul", [f"{name}_shares", value], f"{name}_mixed")
        node("Transpose", [f"{name}_mixed"], f"{name}_tokens", perm=[0, 2, 1, 3])
        return node("Reshape", [f"{name}_tokens", self._integers(-1, WIDTH)], f"{name}_context")

    def _linear(self, states: str, source: str, name: str) -> str:
        weight = self._tensors[f"{source}.weight"].T
        return self._product(states, weight, self._tensors[f"{source}.bias"], name)

    def _product(
        self,
        states: str,
        weight: npt.NDArray[np.float32],
        bias: npt.NDArray[np.float32],
        name: str,
    ) -> str:
        """Return states @ weight + bias; `weight` is (inputs, outputs)."""
        product = self._integer_product if self._quantised else self._float_product
        product(states, weight, f"{name}_product")
        return self._node("Add", [f"{name}_product", self._constant(f"{name}_bias", bias)], name)

    def _float_product(self, states: str, weight: npt.NDArray[np.float32], name: str) -> None:
        self._node("MatMul", [states, self._constant(f"{name}_weight", weight)], name)

    def _integer_product(self, states: str, weight: npt.NDArray[np.float32], name: str) -> None:
        node = self._node
        integers, scales = quantisation.quantise(weight, axis=0, levels=quantisation.LINEAR_LEVELS)
        node("Abs", [states], f"{name}_sizes")
        node("ReduceMax", [f"{name}_sizes", self._integers(-1)], f"{name}_largest", keepdims=1)
        # The lower bound keeps a token of zeros from dividing by zero.
        node("Max", [f"{name}_largest", self._float(1e-9)], f"{name}_range")
        node("Mul", [f"{name}_range", self._float(1 / 127)], f"{name}_scale")
        node("Reshape", [f"{name}_scale", self._integers(-1)], f"{name}_scales")
        node("Shape", [f"{name}_scales"], f"{name}_count")
        zero = self._constant("zero_point", np.array(_ZERO_POINT, dtype=np.uint8))
        node("Expand", [zero, f"{name}_count"], f"{name}_zeros")
        quantised = [states, f"{name}_scales", f"{name}_zeros"]
        node("QuantizeLinear", quantised, f"{name}_states", axis=0)
        factors = [
            f"{name}_states",
            self._constant(f"{name}_weight", integers),
            self._float(1.0),
            self._constant(f"{name}_weight_scales", scales.reshape(-1)),
            zero,
        ]
        node("MatMulIntegerToFloat", factors, f"{name}_unscaled", domain=_RUNTIME_DOMAIN)
        node("Mul", [f"{name}_unscaled", f"{name}_scale"], name)

    def _normalise(self, states: str, source: str, name: str) -> str:
        weight = self._constant(f"{name}_weight", self._tensors[f"{source}.weight"])
        bias = self._constant(f"{name}_shift", self._tensors[f"{source}.bias"])
        return self._node(
            "LayerNormalization", [states, weight, bias], name, axis=-1, epsilon=EPSILON
        )

    def pooling(self, states: str) -> None:
        """Append the mean over the unmasked tokens, and bring it to length one."""
        node = self._node
        node("Reshape", [states, "unfolded"], "last_states")
        node("Unsqueeze", ["mask", self._integers(2)], "mask_of_tokens")
        node("Mul", ["last_states", "mask_of_tokens"], "kept_states")
        node("ReduceSum", ["kept_states", self._integers(1)], "state_sums", keepdims=0)
        node("ReduceSum", ["mask", self._integers(1)], "token_counts", keepdims=1)
        node("Div", ["state_sums", "token_counts"], "means")
        node("LpNormalization", ["means"], OUTPUT, axis=-1, p=2)

    def serialise(self) -> bytes:
        """Return the finished model as bytes."""
        sentences: list[str | int | None] = ["batch", WIDTH]
        graph = helper.make_graph(
            self._nodes,
            "sentence_encoder",
            [
                helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "sequence"])
                for name in ("input_ids", "attention_mask")
            ],
            [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, sentences)],
            list(self._constants.values()),
        )
        domains = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_RUNTIME_DOMAIN, 1)]
        model = helper.make_model(graph, opset_imports=domains, ir_version=_IR_VERSION)
        return bytes(model.SerializeToString(deterministic=True))
