"""A value of any type that we keep, with every field filled: the same value at every run."""

from __future__ import annotations

import collections.abc
import enum
import types
import typing
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from chalicelib.kernel.geo import Point
from chalicelib.kernel.money import Money

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

AT = datetime(2026, 3, 4, 18, 30, 15, 250_000, tzinfo=UTC)
# What models import for their annotations only.
_NAMES = {
    **{each.__name__: each for each in (Money, Point, datetime, date, time, timedelta)},
    **{name: getattr(collections.abc, name) for name in ("Mapping", "Sequence")},
}


class Samples:
    """Makes values up. ``named`` are those of fields with such a name, ``known`` those of such a type."""

    def __init__(
        self,
        named: Mapping[str, Any] | None = None,
        known: Mapping[type, Any] | None = None,
        names: Mapping[str, type] | None = None,
    ) -> None:
        self._named = named or {}
        self._known = known or {}
        self._names = {**_NAMES, **(names or {})}

    def of(self, kind: type[msgspec.Struct], /, **given: Any) -> Any:
        """A struct of this type; ``given`` are the fields of it that are not made up."""
        hints = typing.get_type_hints(kind, localns=self._names)
        fields = kind.__struct_fields__
        return kind(**{name: given[name] if name in given else self._of(hints[name], name) for name in fields})

    def _of(self, kind: Any, name: str) -> Any:
        origin, arguments = typing.get_origin(kind), typing.get_args(kind)
        if origin in (types.UnionType, typing.Union):
            return self._of(next(each for each in arguments if each is not type(None)), name)
        if origin is typing.Annotated:
            return self._of(arguments[0], name)
        if origin is typing.Literal:
            return arguments[-1]
        if origin is not None:
            return self._collection(origin, arguments, name)
        if kind in self._known:
            return self._known[kind]
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            return self.of(kind)
        if isinstance(kind, type) and issubclass(kind, enum.Enum):
            return list(kind)[-1]
        return self._named[name] if name in self._named else _SCALARS[kind](name)

    def _collection(self, origin: Any, arguments: tuple[Any, ...], name: str) -> Any:
        if origin in (dict, collections.abc.Mapping):
            key, value = arguments
            return {self._of(key, f"{name}_key"): self._of(value, f"{name}_value")}
        if origin is tuple and arguments[-1] is not Ellipsis:
            return tuple(self._of(each, f"{name}{n}") for n, each in enumerate(arguments))
        one = (self._of(arguments[0], name),)
        return one if origin in (tuple, collections.abc.Sequence) else origin(one)


def _number(name: str) -> int:
    """A number that differs from field to field."""
    return sum(name.encode()) % 90 + 10


_SCALARS: Mapping[Any, Callable[[str], Any]] = {
    str: str,
    bytes: str.encode,
    int: _number,
    float: lambda name: _number(name) + 0.5,
    bool: lambda name: True,
    datetime: lambda name: AT + timedelta(seconds=sum(name.encode())),
    date: lambda name: AT.date(),
    time: lambda name: AT.time().replace(microsecond=0),
    timedelta: lambda name: timedelta(seconds=sum(name.encode())),
    Any: lambda name: name,
    object: lambda name: name,
}


def shape(kind: type[msgspec.Struct]) -> dict[str, str]:
    """The fields of a struct with their types, and ``= …`` where one may be absent."""
    told = {}
    for each in msgspec.structs.fields(kind):
        absent = "" if each.required else f" = {_default(each)!r}"
        told[each.encode_name] = f"{_type_name(each.type)}{absent}"
    return told


def _default(field: Any) -> Any:
    return field.default if field.default is not msgspec.NODEFAULT else field.default_factory()


def _type_name(kind: Any) -> str:
    if isinstance(kind, type) and not hasattr(kind, "__args__"):
        return kind.__name__
    return str(kind).replace("typing.", "")
