"""Making a part outside a run: the context that it would be given, and the offer that makes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from ihacpa_core.offers import Offer
from ihacpa_core.plugins.builtins import ROLES
from ihacpa_core.roles import RunContext


def run_context(folder: Path, **changes: Any) -> RunContext:
    """What a part is told in a run over ``book.xlsx`` in `folder`, with its state in ``state``, which is made.

    :param changes: other fields of `RunContext`, or others in place of these.
    """
    state_dir: Path = changes.pop("state_dir", folder / "state")
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    given = {"run_id": "contract-run", "workbook": folder / "book.xlsx", "config_dir": folder, **changes}
    return RunContext(state_dir=state_dir, **given)


@dataclass(frozen=True, slots=True)
class Offered:
    """Makes a part as a run does: through its module's offer hook, from checked options. Can be pickled."""

    module: str
    name: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, context: RunContext) -> Any:
        offer = self.offer()
        given = None if offer.options is None else msgspec.convert(dict(self.options), offer.options)
        return offer.factory(given, context)

    def offer(self) -> Offer[Any]:
        """The offer itself.

        :raises LookupError: the module offers nothing of that name.
        """
        module = import_module(self.module)
        hooks = [getattr(module, role.hook) for role in ROLES.values() if hasattr(module, role.hook)]
        offers = {offer.name: offer for hook in hooks for offer in hook()}
        if self.name not in offers:
            raise LookupError(f"{self.module} offers {', '.join(sorted(offers)) or 'nothing'}, not {self.name!r}")
        found: Offer[Any] = offers[self.name]
        return found


def offered(module: str, name: str, **options: Any) -> Offered:
    """The part that `module` offers as `name`: ``offered("acme.store", "lmdb", map_size="1GB")``."""
    return Offered(module, name, options)
