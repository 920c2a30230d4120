"""Asking a person at a terminal; where there is none, nobody is asked."""

from __future__ import annotations

import sys


def can_ask() -> bool:
    """Whether somebody sees a question and can answer it."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: str) -> str:
    """The answer to a question, without blanks around it; empty if there is none."""
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def agrees(question: str) -> bool:
    """Whether the answer is yes; anything else is no."""
    return ask(f"{question} [y/N] ").lower() in ("y", "yes")
