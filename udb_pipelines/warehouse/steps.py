"""The seam for crash tests: durable work names each step it has finished.

In production :func:`reached` does nothing. A test replaces it in a child process, kills the process there, and
looks at what the next process finds.
"""

from __future__ import annotations


def reached(step: str) -> None:
    """Called when ``step`` is done and the next one is not begun."""
