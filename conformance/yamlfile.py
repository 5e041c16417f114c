"""YAML with line numbers: plain data, the line of every key, and no duplicates, aliases or tags. Knows nothing of what it reads."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from conformance.errors import ConformanceError

MAX_BYTES = 1_000_000


class YamlFile:
    """A parsed file: `data`, and `line(path)` for the line on which the value at `path` begins."""

    def __init__(self, path: Path, data: Any, lines: dict[tuple[Hashable, ...], int]) -> None:
        self.path, self.data, self._lines = path, data, lines

    def line(self, path: tuple[Hashable, ...]) -> int:
        """The line of the nearest key on the way to `path`."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)

    def paths(self) -> list[tuple[Hashable, ...]]:
        """The paths of all values, in the order of the file."""
        return list(self._lines)


def load(path: Path, error: type[ConformanceError]) -> YamlFile:
    """Read a YAML file safely; raise `error`, naming file and line, for whatever is wrong with it."""
    try:
        raw = path.read_bytes()
        if len(raw) > MAX_BYTES:
            raise error(f"{path}: {len(raw)} bytes; a file of at most {MAX_BYTES} is read")
        node = yaml.compose(raw.decode("utf-8"), Loader=yaml.SafeLoader)
    except OSError as problem:
        raise error(f"{path}: cannot be read: {problem.strerror or problem}") from None
    except UnicodeDecodeError as problem:
        raise error(f"{path}: not UTF-8 at byte {problem.start}") from None
    except yaml.MarkedYAMLError as problem:
        line = problem.problem_mark.line + 1 if problem.problem_mark else 1
        raise error(f"{path}:{line}: not valid YAML: {problem.problem}") from None
    except (yaml.YAMLError, RecursionError) as problem:
        raise error(f"{path}: not valid YAML: {type(problem).__name__}") from None
    if node is None:
        raise error(f"{path}: the file is empty")
    lines: dict[tuple[Hashable, ...], int] = {}
    data = _Builder(path, error, lines).build(node, ())
    return YamlFile(path, data, lines)


class _Builder:
    def __init__(self, path: Path, error: type[ConformanceError], lines: dict[tuple[Hashable, ...], int]) -> None:
        self.path, self.error, self.lines = path, error, lines
        self.seen: set[int] = set()
        self.scalars = yaml.SafeLoader("")

    def build(self, node: yaml.Node, at: tuple[Hashable, ...]) -> Any:
        line = node.start_mark.line + 1
        self.lines.setdefault(at, line)
        if id(node) in self.seen:
            raise self.error(f"{self.path}:{line}: YAML aliases are not accepted here; write the value out")
        self.seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            result: dict[Hashable, Any] = {}
            for key_node, value_node in node.value:
                key = self.scalars.construct_object(key_node)
                key_line = key_node.start_mark.line + 1
                if not isinstance(key, str | int):
                    raise self.error(f"{self.path}:{key_line}: a key must be a word, not {type(key).__name__}")
                if key in result:
                    raise self.error(f"{self.path}:{key_line}: duplicate key {key!r}")
                self.lines[(*at, key)] = key_line
                result[key] = self.build(value_node, (*at, key))
            return result
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*at, index)) for index, item in enumerate(node.value)]
        try:
            return self.scalars.construct_object(node)
        except (yaml.YAMLError, ValueError) as problem:
            raise self.error(f"{self.path}:{line}: not a plain value: {getattr(problem, 'problem', problem)}") from None
