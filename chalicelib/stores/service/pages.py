"""Where pages of lists begin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST_KEY = 256


def page_start(pk: str, prefix: str, start: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The key after which a page of the items ``pk`` / ``prefix``… begins; None for the first page.

    A cursor comes from outside: of what it says only a place within this list is taken.
    """
    sk = (start or {}).get("sk", {}).get("S", "")
    if not sk.startswith(prefix) or len(sk) > _LONGEST_KEY:
        return None
    return {"pk": {"S": pk}, "sk": {"S": sk}}
