"""Stripe's request encoding: form fields with bracketed names, read as typed parameters.

`metadata[order_id]=o1&expand[]=latest_charge` is `{"metadata": {"order_id": "o1"}, "expand": {"0": "latest_charge"}}`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from infra.local.stripe_sandbox.errors import StripeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_NAME: Final = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_DEPTH: Final = 6
_METADATA_KEYS: Final = 50
_METADATA_KEY_LENGTH: Final = 40
_METADATA_VALUE_LENGTH: Final = 500
_LARGEST: Final = 2**63 - 1


def decode(form: str) -> dict[str, Any]:
    """The nested parameters of a form body or a query string."""
    try:
        pairs = parse_qsl(form, keep_blank_values=True, max_num_fields=2000)
    except ValueError as error:
        raise StripeError("Too many parameters in the request.") from error
    nested: dict[str, Any] = {}
    for name, value in pairs:
        _place(nested, name, value)
    return nested


def _place(into: dict[str, Any], name: str, value: str) -> None:
    match = _NAME.fullmatch(name)
    if match is None:
        raise StripeError(f"Invalid parameter name: {name[:100]}", code="parameter_unknown", param=name[:100])
    path = [match[1], *match[2][1:-1].split("][")] if match[2] else [match[1]]
    if len(path) > _DEPTH:
        raise StripeError(f"Invalid parameter name: {name[:100]}", code="parameter_unknown", param=name[:100])
    place = into
    for step in path[:-1]:
        inner = place.setdefault(step or str(len(place)), {})
        if not isinstance(inner, dict):
            raise StripeError("Invalid object", param=path[0])
        place = inner
    last = path[-1] or str(len(place))
    if isinstance(place.get(last), dict):
        raise StripeError("Invalid object", param=path[0])
    place[last] = value


class Params:
    """A request's parameters, read by type; whatever doesn't fit is refused in Stripe's words.

    `unsupported` names parameters that Stripe has and the sandbox hasn't: sending one is refused aloud, because
    ignoring it would let code pass here that behaves differently against Stripe.
    """

    def __init__(self, values: Mapping[str, Any], known: Iterable[str], unsupported: Iterable[str] = ()) -> None:
        self._values = values
        unknown = [name for name in values if name not in known]
        refused = [name for name in unknown if name in unsupported]
        if refused:
            raise StripeError(
                f"The sandbox does not support the parameter: {refused[0]}. Stripe does.",
                code="parameter_unknown",
                param=refused[0],
            )
        if unknown:
            raise StripeError(
                f"Received unknown parameter{'s' if len(unknown) > 1 else ''}: {', '.join(unknown)}"[:500],
                code="parameter_unknown",
                param=unknown[0],
            )

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def require(self, *names: str) -> None:
        for name in names:
            if name not in self._values:
                raise StripeError(f"Missing required param: {name}.", code="parameter_missing", param=name)

    def text(self, name: str, longest: int = 5000) -> str | None:
        """A string, None when absent. An empty one is refused: Stripe reads it as an attempt to unset."""
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise StripeError("Invalid string", param=name)
        if not value:
            raise StripeError(
                f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a "
                f"parameter; however '{name}' cannot be unset. You should remove '{name}' from your request or "
                "supply a non-empty value.",
                code="parameter_invalid_empty",
                param=name,
            )
        if len(value) > longest:
            raise StripeError(
                f"Invalid string: {value[:10]}...; must be at most {longest} characters",
                code="parameter_invalid_string",
                param=name,
            )
        return value

    def optional_text(self, name: str, longest: int = 5000) -> str | None:
        """A string that an empty one unsets."""
        return None if self._values.get(name) == "" else self.text(name, longest)

    def integer(self, name: str, *, least: int | None = None) -> int | None:
        sent = self._values.get(name)
        # A JSON body (only the sandbox's own endpoints take one) has numbers, a form has their digits.
        value = str(sent) if type(sent) is int else self.text(name, 100)
        if value is None:
            return None
        if not re.fullmatch(r"-?[0-9]{1,19}", value) or abs(int(value)) > _LARGEST:
            raise StripeError(f"Invalid integer: {value}", code="parameter_invalid_integer", param=name)
        number = int(value)
        if least is not None and number < least:
            raise StripeError(
                f"This value must be greater than or equal to {least}.",
                code="parameter_invalid_integer",
                param=name,
            )
        return number

    def boolean(self, name: str, *, default: bool = False) -> bool:
        value = self.text(name, 100)
        if value is None:
            return default
        if value not in ("true", "false"):
            raise StripeError(f"Invalid boolean: {value}", param=name)
        return value == "true"

    def choice(self, name: str, options: Iterable[str]) -> str | None:
        value = self.text(name)
        if value is not None and value not in options:
            raise StripeError(f"Invalid {name}: must be one of {', '.join(options)}", param=name)
        return value

    def is_mapping(self, name: str) -> bool:
        return isinstance(self._values.get(name), dict)

    def within(self, name: str, known: Iterable[str]) -> Params:
        """The parameters nested in this one."""
        return Params(self.mapping(name) or {}, known)

    def mapping(self, name: str) -> dict[str, Any] | None:
        value = self._values.get(name)
        if value is not None and not isinstance(value, dict):
            raise StripeError("Invalid object", param=name)
        return value

    def texts(self, name: str) -> tuple[str, ...] | None:
        """A list of strings, in the order of its indexes."""
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
            raise StripeError("Invalid array", param=name)
        return tuple(value.values())

    def metadata(self, current: Mapping[str, str]) -> dict[str, str]:
        """`current` with the sent keys set; an empty value unsets its key, an empty `metadata` unsets all."""
        sent = self._values.get("metadata")
        if sent is None:
            return dict(current)
        if sent == "":
            return {}
        if not isinstance(sent, dict):
            raise StripeError("Invalid hash", param="metadata")
        merged = dict(current)
        for key, value in sent.items():
            param = f"metadata[{key[:_METADATA_KEY_LENGTH]}]"
            if not isinstance(value, str):
                raise StripeError("Metadata values must be strings.", param=param)
            if len(key) > _METADATA_KEY_LENGTH or len(value) > _METADATA_VALUE_LENGTH:
                raise StripeError(
                    f"Metadata keys can have up to {_METADATA_KEY_LENGTH} characters and values up to "
                    f"{_METADATA_VALUE_LENGTH}.",
                    param=param,
                )
            if value:
                merged[key] = value
            else:
                merged.pop(key, None)
        if len(merged) > _METADATA_KEYS:
            raise StripeError(f"Metadata can have up to {_METADATA_KEYS} keys.", param="metadata")
        return merged
