"""One prepared encoder for all tests of this folder; none of them touches a database."""

from __future__ import annotations

from pathlib import Path

import pytest
from safetensors.numpy import load as load_tensors

from kb.inference import encoder, graph, preparation, weights


@pytest.fixture(scope="session")
def prepared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A KB_HOME in which the encoder is built."""
    home = tmp_path_factory.mktemp("home")
    preparation.prepare(home=home)
    return home


@pytest.fixture(scope="session")
def own_encoder(prepared_home: Path) -> encoder.Encoder:
    """The service's own encoder."""
    return encoder.load(home=prepared_home)


@pytest.fixture(scope="session")
def tensors() -> graph.Tensors:
    """The checkpoint's arrays."""
    return load_tensors(weights.find().read_model())
