"""Rows of passages on disk, with their vectors: scanned whole in one byte a number.

Decides how vectors are kept (one byte a number to scan, float16 to score exactly) and that a row's
scores depend on that row alone, so they are the same in a small part as in a large one. Never knows
Django, and never writes a file twice: a part is immutable. Called by `kb.search.snapshot`.

A scan multiplies unsigned bytes by a question of seven bits: no processor saturates on those.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
from onnx import TensorProto, helper

from kb.inference.runtime import open_session
from kb.search.entries import Entry, primary_language
from kb.search.errors import IndexUnusableError

ROW = np.dtype(
    [
        ("passage_id", "<i8"),
        ("article_id", "<i8"),
        ("version_id", "<i8"),
        ("language", "S8"),
        ("audience", "u1"),
        ("scale", "<f4"),
    ]
)
"""`scale` turns the row's bytes back into numbers; 0 says that it has no vector (yet)."""

_COPIED_AT_ONCE = 8192
_MIDDLE = 128
_BYTE = 127.0
_QUESTION = 63.0

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Vector = npt.NDArray[np.float16]


class PartWriter:
    """Writes one part, block by block; passages must come in ascending order of their ids."""

    def __init__(self, folder: Path, *, dimensions: int) -> None:
        folder.mkdir(parents=True)
        self._dimensions = dimensions
        self._rows = (folder / "rows").open("wb")
        self._coarse = (folder / "coarse").open("wb")
        self._exact = (folder / "exact").open("wb")
        self.rows = 0

    def add(self, entries: Sequence[Entry], vectors: Sequence[Vector | None]) -> None:
        """Append passages with their vectors; None where there is none."""
        exact = np.zeros((len(entries), self._dimensions), dtype="<f2")
        rows = np.zeros(len(entries), dtype=ROW)
        for place, (entry, vector) in enumerate(zip(entries, vectors, strict=True)):
            rows[place] = (
                entry.passage_id,
                entry.article_id,
                entry.version_id,
                primary_language(entry.language)[:8].encode(),
                entry.audience,
                0.0,
            )
            if vector is not None and self._dimensions:
                exact[place] = vector
        coarse, rows["scale"] = _in_bytes(exact.astype(np.float32))
        self._write(rows, coarse, exact)

    def copy_alive(self, parts: Sequence[Part], alive: Sequence[npt.NDArray[np.bool_]]) -> None:
        """Append the living rows of other parts, in ascending order of their passages' ids."""
        owners = np.repeat(np.arange(len(parts)), [int(mask.sum()) for mask in alive])
        places = np.concatenate([np.flatnonzero(mask) for mask in alive])
        ids = np.concatenate(
            [part.rows["passage_id"][mask] for part, mask in zip(parts, alive, strict=True)]
        )
        order = np.argsort(ids, kind="stable")
        for start in range(0, len(order), _COPIED_AT_ONCE):
            chunk = order[start : start + _COPIED_AT_ONCE]
            self._copy_chunk(parts, owners[chunk], places[chunk])

    def _copy_chunk(
        self,
        parts: Sequence[Part],
        owners: npt.NDArray[np.intp],
        places: npt.NDArray[np.intp],
    ) -> None:
        rows = np.zeros(len(owners), dtype=ROW)
        coarse = np.zeros((len(owners), self._dimensions), dtype=np.uint8)
        exact = np.zeros((len(owners), self._dimensions), dtype="<f2")
        for number, part in enumerate(parts):
            mine = owners == number
            rows[mine] = part.rows[places[mine]]
            coarse[mine] = part.coarse[places[mine]]
            exact[mine] = part.exact[places[mine]]
        self._write(rows, coarse, exact)

    def _write(self, rows: npt.NDArray[np.void], coarse: Bytes, exact: Vector) -> None:
        self._rows.write(np.ascontiguousarray(rows).tobytes())
        self._coarse.write(np.ascontiguousarray(coarse).tobytes())
        self._exact.write(np.ascontiguousarray(exact).tobytes())
        self.rows += len(rows)

    def close(self) -> None:
        """End the files."""
        for file in (self._rows, self._coarse, self._exact):
            file.close()


@dataclass(frozen=True, eq=False)
class Part:
    """The rows of one part and their vectors, mapped from disk: workers share the memory."""

    folder: Path
    rows: npt.NDArray[np.void]
    coarse: Bytes
    exact: Vector

    def files(self) -> Iterable[tuple[Path, int]]:
        """Each file with the size that it must have."""
        yield self.folder / "rows", self.rows.nbytes
        yield self.folder / "coarse", self.coarse.nbytes
        yield self.folder / "exact", self.exact.nbytes


def open_part(folder: Path, *, rows: int, dimensions: int) -> Part:
    """Map a part. Raises IndexUnusableError if a file is missing or has another size."""
    return Part(
        folder=folder,
        rows=_map(folder / "rows", ROW, (rows,)),
        coarse=_map(folder / "coarse", np.dtype(np.uint8), (rows, dimensions)),
        exact=_map(folder / "exact", np.dtype("<f2"), (rows, dimensions)),
    )


def _map(path: Path, dtype: np.dtype[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
    expected = int(np.prod(shape)) * dtype.itemsize
    try:
        size = path.stat().st_size
        if size != expected:
            raise IndexUnusableError(f"{path} has {size} bytes instead of {expected}")
        if not expected:
            return np.zeros(shape, dtype=dtype)
        return np.memmap(path, dtype=dtype, mode="r", shape=shape)
    except OSError as error:
        raise IndexUnusableError(f"{path} can't be read: {error}") from error


def _in_bytes(vectors: Floats) -> tuple[Bytes, Floats]:
    """One byte a number, and the factor a row that undoes it."""
    if not vectors.size:
        return np.zeros(vectors.shape, dtype=np.uint8), np.zeros(len(vectors), dtype=np.float32)
    largest = np.abs(vectors).max(axis=1)
    scale: Floats = (largest / _BYTE).astype(np.float32)
    divisor = np.where(scale > 0, scale, 1.0)[:, None]
    numbers = np.rint(vectors / divisor).clip(-_BYTE, _BYTE)
    coarse: Bytes = (numbers + _MIDDLE).astype(np.uint8)
    return coarse, scale


class Scanner:
    """Multiplies all rows of a part with a question. Threads may share it."""

    def __init__(self) -> None:
        self._session = _open_session()

    def scores(self, part: Part, question: Floats) -> Floats:
        """Return the approximate cosine of each row: (rows,), float32; 0 without a vector."""
        if not part.coarse.size:
            return np.zeros(len(part.rows), dtype=np.float32)
        largest = float(np.abs(question).max())
        if largest <= 0.0:
            return np.zeros(len(part.rows), dtype=np.float32)
        step = largest / _QUESTION
        numbers = np.rint(question / step).astype(np.int8)
        feed = {"rows": part.coarse, "question": numbers[:, None]}
        products = np.asarray(self._session.run(None, feed)[0])[:, 0]
        centred: Floats = (products - _MIDDLE * int(numbers.sum(dtype=np.int64))).astype(np.float32)
        scales: Floats = part.rows["scale"] * np.float32(step)
        return centred * scales


def exact_scores(part: Part, places: npt.NDArray[np.intp], question: Floats) -> Floats:
    """Return the cosines of some rows: (places,), float32; NaN without a vector."""
    chosen = part.exact[places].astype(np.float32)
    # Row by row: a matrix product adds up in another order for another number of rows.
    scores: Floats = np.einsum("ij,j->i", chosen, question[: chosen.shape[1]])
    scores[part.rows["scale"][places] == 0] = np.nan
    return scores


def _open_session() -> onnxruntime.InferenceSession:
    """One matrix product of bytes; the runtime has the fastest kernel for each processor."""
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["rows", "question"], ["products"])],
        "scan",
        [
            helper.make_tensor_value_info("rows", TensorProto.UINT8, ["n", "dimensions"]),
            helper.make_tensor_value_info("question", TensorProto.INT8, ["dimensions", 1]),
        ],
        [helper.make_tensor_value_info("products", TensorProto.INT32, ["n", 1])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return open_session(model.SerializeToString())
