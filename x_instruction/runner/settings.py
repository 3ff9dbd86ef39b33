"""The base class of all sections of `params.yaml`, and the sections that the runner itself reads."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal, Protocol, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo
from pydantic_core import ErrorDetails

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(ge=1)]
# What to write in place of a value of the wrong kind, by the type of pydantic's error.
WANTED = {
    "list_type": "write a list, such as `[a, b]`",
    "tuple_type": "write a list, such as `[a, b]`",
    "dict_type": "write keys with values, such as `{ a: 1 }`",
    "string_type": "write it in quotation marks",
}
SHOWN = 120  # the maximum number of characters of a wrong value in a message
NonEmpty = Annotated[str, Field(min_length=1)]


class Section(BaseModel):
    """A part of `params.yaml`. It is immutable and refuses keys that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    # Names of fields that decide how fast or at what price the work is done, but not its result. These fields are not
    # part of `key`, so finished shards stay valid when such a field changes.
    HOW: ClassVar[frozenset[str]] = frozenset()

    def key(self) -> str:
        """The values of all fields that decide the result, as JSON."""
        return self.model_dump_json(exclude=self._how())

    def _how(self) -> dict[str, Any]:
        excluded: dict[str, Any] = dict.fromkeys(self.HOW, True)
        inner = {name: value._how() for name, value in self if isinstance(value, Section)}
        return excluded | {name: how for name, how in inner.items() if how}


class Iteration(Section):
    learns_from: str
    """The artifact whose pairs the models of this iteration learn from. If it is not `seed_pairs`, they learn from the
    seeds, too."""


class Execution(Section):
    """Settings that decide how the work is done. If they change, nothing runs again."""

    executor: Literal["in_process", "processes", "ray"]
    """Where a stage's shards are made: one by one in its process, in local processes, or on Ray."""
    workers: Positive
    """Number of local processes. On Ray, about twice as many shards are submitted at a time. Not used by in_process."""
    threads: Positive
    """Number of torch's threads. It is fixed, because the last bits of a sum depend on it. A small model read 4,070
    tokens a second with two threads, and 4,470 with one. Beside another busy process, two threads were 20 times slower
    than one."""


class RunSettings(Protocol):
    """The part of `params.yaml` that every job needs. Iterating yields the names and values of all sections."""

    @property
    def languages(self) -> list[str]: ...
    @property
    def seed(self) -> int: ...
    @property
    def iterations(self) -> dict[str, Iteration]: ...
    @property
    def execution(self) -> Execution: ...
    def __iter__(self) -> Iterator[tuple[str, Any]]: ...


def refuse_unknown_languages(codes: Iterable[str], info: ValidationInfo) -> None:
    """Raises ValueError for the first code that is not in languages/names.yaml. The context of `info` has its names.

    Without a context, as in a test of one section, no code is refused.
    """
    names: dict[str, str] = info.context or {}
    for code in codes:
        if names and code not in names:
            raise ValueError(f"{shown(code)} is not one of the languages {', '.join(names)}")


def first_problem(error: ValidationError, model: type[BaseModel]) -> str:
    """One sentence about the first problem that a validation found, with the number of further problems.

    The sentence names the key and, for a wrong value, the value and the rule; for an unknown key, a similar known key
    if there is one. A misspelt key comes first, because its right name is also reported as missing.
    """
    misspelt = (problem for problem in error.errors() if _similar_key(problem, model))
    first = next(misspelt, error.errors()[0])
    key = ".".join(str(part) for part in first["loc"])
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    if first["type"] == "extra_forbidden":
        near = _similar_key(first, model)
        hint = f"; did you mean `{near}`?" if near else "; remove it"
        return f"`{key}` is not a setting{hint}{more}"
    if first["type"] == "missing":
        return f"`{key}` is missing; add it{more}"
    if first["type"] == "unknown_language":
        context: Mapping[str, Any] = first["ctx"]
        return f"`{key}.{context['number']}`: {first['msg']}{more}"
    rule = WANTED.get(first["type"], first["msg"].removeprefix("Value error, "))
    if first["type"] == "string_type" and (first["input"] is None or isinstance(first["input"], list | dict)):
        rule = "write a text"
    if first["type"] == "model_type":
        rule = f"write its keys, such as `{{ {next(iter(_known_keys(model, first['loc'])), 'key')}: … }}`"
    if first["input"] in ("None", "none"):
        rule = "write `null` for no value"
    return f"`{key}` is {shown(first['input'])}: {rule}{more}" if key else f"{rule}{more}"


def _similar_key(problem: ErrorDetails, model: type[BaseModel]) -> str | None:
    """The known key that an unknown key resembles; None if there is none or if the problem is another one."""
    if problem["type"] != "extra_forbidden":
        return None
    *section, key = problem["loc"]
    return next(iter(difflib.get_close_matches(str(key), _known_keys(model, tuple(section)), n=1)), None)


def shown(value: Any) -> str:
    """A value on one line, cut after SHOWN characters."""
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]} …"


def _known_keys(model: Any, location: tuple[int | str, ...]) -> list[str]:
    """Keys that the section at `location` knows."""
    section = model
    for part in location:
        if isinstance(part, str) and (field := getattr(section, "model_fields", {}).get(part)):
            section = field.annotation
        else:  # an element of a list, or a value of a mapping
            section = next(reversed(get_args(section)), None)
        if type(None) in get_args(section):  # a section that may be null
            section = get_args(section)[0]
    return list(getattr(section, "model_fields", {}))
