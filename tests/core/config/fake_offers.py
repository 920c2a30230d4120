"""Small offers with options of every kind. A module of its own: annotations are looked up in a module's name."""

from __future__ import annotations

from types import ModuleType
from typing import Annotated, Any

import msgspec

from ihacpa_core import Offer, hookimpl
from ihacpa_core.config.units import Duration, Size
from ihacpa_core.plugins.builtins import ROLES


class Memory(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    target: Annotated[float, msgspec.Meta(ge=0.1, le=0.95)] = 0.8
    min_size: Annotated[int, msgspec.Meta(ge=1, le=100)] = 1
    interval: Annotated[Duration, msgspec.Meta(extra={"at_least": "1s", "at_most": "1h"})] = "5m"
    cap: Size = "512MB"


class Fixed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    batch_size: Annotated[int, msgspec.Meta(ge=1, le=100)] = 10


class Review(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    concurrency: Annotated[int, msgspec.Meta(ge=1, le=64)] = 8
    sources: tuple[str, ...] = ("pypi",)
    columns: dict[str, str] = {}


class Index(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    url: str = "https://example.org/"
    token: Annotated[str, msgspec.Meta(extra={"secret": True})] = ""


FAKES: dict[tuple[str, str], tuple[Any, dict[str, Any]]] = {
    ("strategy", "size"): (Fixed, {"aliases": ("fixed-size",)}),
    ("strategy", "memory"): (Memory, {}),
    ("checkpoint", "sqlite"): (None, {}),
    ("save", "openpyxl"): (None, {}),
    ("progress", "plain"): (None, {}),
    ("progress", "json"): (None, {}),
    ("processor", "package-review"): (Review, {"needs": lambda options: [("source", s) for s in options.sources]}),
    ("processor", "python"): (None, {"takes_argument": True}),
    ("executor", "local"): (None, {}),
    ("source", "pypi"): (Index, {}),
    ("source", "osv"): (None, {}),
}


def fake_module(role: str, offer: Offer[Any]) -> ModuleType:
    """A plugin module that offers one thing."""
    module = ModuleType(f"fake_{role}_{offer.name.replace('-', '_')}")

    def offers() -> list[Offer[Any]]:
        return [offer]

    setattr(module, ROLES[role].hook, hookimpl(specname=ROLES[role].hook)(offers))
    return module
