"""A value of any type that we keep, with every field filled: the same value at every run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import inspect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

AT = datetime(2026, 3, 4, 18, 30, 15, 250_000, tzinfo=UTC)


def sample(kind: Any, name: str = "value", /, **given: Any) -> Any:
    """A value of this type; ``given`` are the fields of its outermost struct that are not made up."""
    return _of(inspect.type_info(kind), name, given)


def _of(kind: inspect.Type, name: str, given: Mapping[str, Any]) -> Any:
    if isinstance(kind, inspect.StructType | inspect.DataclassType):
        made = {each.name: _of(each.type, each.name, {}) for each in kind.fields if each.name not in given}
        return kind.cls(**made, **given)
    make = _MAKERS.get(type(kind))
    if make is None:
        raise TypeError(f"{name}: no sample of {kind}")
    return make(kind, name)


def _number(kind: Any, name: str) -> int:
    """A number that differs from field to field, within the type's bounds."""
    value = sum(name.encode()) % 90 + 10
    upper = kind.le if kind.le is not None else value
    return int(min(value, upper))


def _union(kind: Any, name: str) -> Any:
    first = next(each for each in kind.types if not isinstance(each, inspect.NoneType))
    return _of(first, name, {})


_MAKERS: Mapping[type, Callable[[Any, str], Any]] = {
    inspect.StrType: lambda kind, name: name[: kind.max_length],
    inspect.BytesType: lambda kind, name: name.encode(),
    inspect.IntType: _number,
    inspect.FloatType: lambda kind, name: _number(kind, name) + 0.5,
    inspect.BoolType: lambda kind, name: True,
    inspect.DateTimeType: lambda kind, name: AT + timedelta(seconds=sum(name.encode())),
    inspect.TimeDeltaType: lambda kind, name: timedelta(seconds=sum(name.encode())),
    inspect.EnumType: lambda kind, name: list(kind.cls)[-1],
    inspect.LiteralType: lambda kind, name: kind.values[-1],
    inspect.ListType: lambda kind, name: [_of(kind.item_type, name, {})],
    inspect.VarTupleType: lambda kind, name: (_of(kind.item_type, name, {}),),
    inspect.TupleType: lambda kind, name: tuple(_of(each, f"{name}{n}", {}) for n, each in enumerate(kind.item_types)),
    inspect.SetType: lambda kind, name: {_of(kind.item_type, name, {})},
    inspect.FrozenSetType: lambda kind, name: frozenset({_of(kind.item_type, name, {})}),
    inspect.DictType: lambda kind, name: {
        _of(kind.key_type, f"{name}_key", {}): _of(kind.value_type, f"{name}_value", {})
    },
    inspect.UnionType: _union,
    inspect.AnyType: lambda kind, name: name,
    inspect.DateType: lambda kind, name: AT.date(),
    inspect.TimeType: lambda kind, name: AT.time(),
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
    return (
        kind.__name__ if isinstance(kind, type) and not hasattr(kind, "__args__") else str(kind).replace("typing.", "")
    )
