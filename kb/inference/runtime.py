"""How ONNX Runtime is opened here: one thread a call, no spinning, small memory.

A session is shared by threads; each call runs on the caller's own thread. That suits a web worker,
and a batch too: texts are embedded one by one on as many threads as wanted, which measured no
slower than batches (passages of 200 words a second on one thread: 53 singly, 45 by eights, 33 by
sixteens). Called by `model`.
"""

from __future__ import annotations

from pathlib import Path

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as states

from kb.inference.errors import EncoderUnavailable

_ONLY_ERRORS = 3

# What the runtime raises; they share no base class but Exception.
RUNTIME_ERRORS: tuple[type[Exception], ...] = (
    states.EPFail,
    states.Fail,
    states.InvalidArgument,
    states.InvalidGraph,
    states.InvalidProtobuf,
    states.ModelLoaded,
    states.NoModel,
    states.NoSuchFile,
    states.NotImplemented,
    states.RuntimeException,
)


def open_session(model: bytes | Path) -> onnxruntime.InferenceSession:
    """Return a session on the processor for a model's bytes or file. Raises EncoderUnavailable."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = _ONLY_ERRORS
    # The arena keeps freed blocks: without it every attention matrix is mapped anew, and long texts
    # take four times as long. Plans per shape would only pile up: each length is its own shape.
    options.enable_cpu_mem_arena = True
    options.enable_mem_pattern = False
    source = model if isinstance(model, bytes) else str(model)
    try:
        return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except RUNTIME_ERRORS as error:
        raise EncoderUnavailable(f"ONNX Runtime can't open the encoder: {error}") from error
