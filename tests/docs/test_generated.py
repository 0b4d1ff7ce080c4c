"""Documents that are generated from the code are committed as the code says."""

from __future__ import annotations

from tools.generate_docs import documents


def test_generated_documents_are_current() -> None:
    """`make docs` would change nothing."""
    stale = [path.name for path, text in documents().items() if not path.exists() or path.read_text() != text]
    assert stale == []
