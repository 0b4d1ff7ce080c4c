"""An io process a test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.io.io_process import IoProcess, io_document


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[IoProcess]:
    """An io process with no bus at all, not started, that remembers a document."""
    made = IoProcess(tmp_path)
    made.remember(io_document())
    yield made
    made.close()
