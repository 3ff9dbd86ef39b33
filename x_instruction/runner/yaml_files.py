"""Reads the project's YAML: settings, language pages, suites and the graph.

PyYAML silently takes the last of two equal keys, and a short file of aliases can stand for more values than fit into
memory. Files with equal keys, too many values or levels, or a value that cannot be read are refused here as YAML
errors.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

# The limits are far above what this project's files need: the longest, params.yaml, has about 760 values, and none has
# more than seven levels.
MAX_VALUES, MAX_LEVELS = 100_000, 40


class UnusableYamlError(yaml.YAMLError):
    """A file that cannot be used, although the YAML parser may accept it."""


def read_yaml(path: Path) -> Any:
    """Reads the values of a file. Raises FileNotFoundError if it is missing, else `yaml.YAMLError` for any problem."""
    try:
        if path.exists() and not path.is_file():  # reading from a pipe would wait for ever
            raise UnusableYamlError("it is not a file but a folder, pipe or device")
        return parse_yaml(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableYamlError(str(error)) from None


def parse_yaml(text: str) -> Any:
    """Reads the values of a text in YAML. Raises `yaml.YAMLError` if that is not possible."""
    try:
        _refuse_many_levels(text)
        loader = yaml.CSafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _count_values(node, {})
        return loader.construct_document(node)
    except (ValueError, OverflowError, RecursionError) as error:  # such as the date 2024-13-45
        raise UnusableYamlError(str(error)) from None


def _refuse_many_levels(text: str) -> None:
    """Raises UnusableYamlError for deep nesting, because 100,000 open brackets crash the compiled loader's process."""
    level = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        level += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if level > MAX_LEVELS:
            line = event.start_mark.line + 1
            raise UnusableYamlError(f"line {line}: more than {MAX_LEVELS} levels of lists and mappings")


def _count_values(node: yaml.Node, known: dict[int, int]) -> int:
    """Number of values in a node, including the node. Each use of an alias counts all values that it repeats.

    Raises UnusableYamlError if there are more than MAX_VALUES, or if a key occurs twice in one mapping.
    """
    if id(node) not in known:
        known[id(node)] = MAX_VALUES  # so a node that contains itself by an alias exceeds the limit
        known[id(node)] = 1 + sum(_count_values(child, known) for child in _children(node))
    if known[id(node)] > MAX_VALUES:
        line = node.start_mark.line + 1
        raise UnusableYamlError(f"line {line}: aliases (`*name`) stand for more than {MAX_VALUES} values")
    return known[id(node)]


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        _refuse_repeated_keys(node)
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _refuse_repeated_keys(node: yaml.MappingNode) -> None:
    lines: dict[str, int] = {}
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode):
            line = key.start_mark.line + 1
            if key.value in lines:
                places = f"lines {lines[key.value]} and {line}" if lines[key.value] != line else f"line {line}"
                raise UnusableYamlError(f"`{key.value}` occurs twice, in {places}: keep one of them")
            lines[key.value] = line
