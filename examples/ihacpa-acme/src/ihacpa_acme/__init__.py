"""Plugins for ihacpa: the strategy `burst`, the checkpoint store `lmdb`, the observer `acme-notify`."""

from __future__ import annotations
