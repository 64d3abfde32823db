"""Regular expressions that count their work: a backtracking matcher over the parse tree of the standard library's `re`.

It finds what `re` finds and counts every place of the text that it looks at, as `re` would without its short cuts: an
upper bound that no machine's speed changes. It knows what the expressions of this project use, and refuses the rest.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

_NEW = sys.version_info >= (3, 11)
parser: Any = importlib.import_module("re._parser" if _NEW else "sre_parse")
op: Any = importlib.import_module("re._constants" if _NEW else "sre_constants")

Groups = tuple[tuple[int, int] | None, ...]
Goes = Callable[[int, Groups], bool]


class Counter:
    """Places of text looked at."""

    looks = 0


class Match:
    """As `re.Match`, as far as it is used."""

    def __init__(self, text: str, groups: Groups):
        self.string = text
        self._groups = groups

    def span(self, group: int = 0) -> tuple[int, int]:
        return self._groups[group] or (-1, -1)

    def start(self, group: int = 0) -> int:
        return self.span(group)[0]

    def end(self, group: int = 0) -> int:
        return self.span(group)[1]

    def group(self, group: int = 0) -> Any:
        found = self._groups[group]
        return None if found is None else self.string[slice(*found)]

    def groups(self) -> tuple[Any, ...]:
        return tuple(self.group(number) for number in range(1, len(self._groups)))

    def __getitem__(self, group: int) -> Any:
        return self.group(group)


class Counted:
    """A compiled expression, in place of the real one."""

    def __init__(self, real: re.Pattern[str], counter: Counter):
        self.pattern, self._real = real.pattern, real
        self._counter = counter
        self._nodes = list(parser.parse(real.pattern, real.flags))

    def match(self, text: str, pos: int = 0) -> Match | None:
        return self._at(text, pos)

    def fullmatch(self, text: str) -> Match | None:
        return self._at(text, 0, whole=True)

    def search(self, text: str, pos: int = 0) -> Match | None:
        return next(self.finditer(text, pos), None)

    def finditer(self, text: str, pos: int = 0) -> Iterator[Match]:
        while pos <= len(text):
            found = self._at(text, pos)
            if found is None:
                pos += 1
                continue
            yield found
            pos = found.end() if found.end() > found.start() else pos + 1

    def findall(self, text: str) -> list[str]:
        assert not self._real.groups
        return [found.group() for found in self.finditer(text)]

    def sub(self, replacement: str | Callable[[Match], str], text: str) -> str:
        parts, done = [], 0
        for found in self.finditer(text):
            new = replacement(found) if callable(replacement) else _expanded(replacement, found)
            parts += [text[done : found.start()], new]
            done = found.end()
        return "".join(parts) + text[done:]

    def _at(self, text: str, pos: int, *, whole: bool = False) -> Match | None:
        run = _Run(text, self._counter, self._real.flags)
        ends: list[tuple[int, Groups]] = []

        def done(at: int, groups: Groups) -> bool:
            if whole and at < len(text):
                return False
            ends.append((at, groups))
            return True

        none: Groups = (None,) * (self._real.groups + 1)
        if not run.sequence(self._nodes, 0, pos, none, done):
            return None
        end, groups = ends[0]
        return Match(text, ((pos, end), *groups[1:]))


def _expanded(template: str, found: Match) -> str:
    return re.sub(r"\\(\d)", lambda number: found.group(int(number[1])) or "", template)


class _Run:
    """One attempt at one place. Continuations: `goes` is what must match afterwards."""

    def __init__(self, text: str, counter: Counter, flags: int):
        self.text, self.counter, self.flags = text, counter, flags

    def sequence(self, nodes: list[Any], index: int, at: int, groups: Groups, goes: Goes) -> bool:
        while index < len(nodes):  # what takes one character needs no continuation
            kind, value = nodes[index]
            if kind not in _ONE:
                rest = partial(self.sequence, nodes, index + 1)
                return self.node(kind, value, at, groups, lambda end, found, rest=rest: rest(end, found, goes))
            if not self.one(kind, value, at):
                return False
            at, index = at + 1, index + 1
        return goes(at, groups)

    def one(self, kind: Any, value: Any, at: int) -> bool:
        """Whether the character at `at` is what one node takes."""
        self.counter.looks += 1
        return at < len(self.text) and _takes(kind, value, self.text[at], self.flags)

    def node(self, kind: Any, value: Any, at: int, groups: Groups, goes: Goes) -> bool:
        if kind is op.SUBPATTERN:
            number, add, _, inner = value
            saved, self.flags = self.flags, self.flags | add
            inside = self.flags

            def after(end: int, found: Groups) -> bool:
                self.flags = saved
                if number is not None:
                    found = (*found[:number], (at, end), *found[number + 1 :])
                try:
                    return goes(end, found)
                finally:
                    self.flags = inside

            try:
                return self.sequence(list(inner), 0, at, groups, after)
            finally:
                self.flags = saved
        if kind is op.BRANCH:
            return self.branch(value[1], at, groups, goes)
        if kind in (op.MAX_REPEAT, op.MIN_REPEAT):
            return self.repeat(value, at, groups, goes, is_greedy=kind is op.MAX_REPEAT)
        if kind in (op.ASSERT, op.ASSERT_NOT):
            return self.looked(value, at, groups) is (kind is op.ASSERT) and goes(at, groups)
        if kind is op.AT:
            self.counter.looks += 1
            return self.anchor(value, at) and goes(at, groups)
        raise NotImplementedError(f"{kind} {value}")

    def branch(self, branches: list[Any], at: int, groups: Groups, goes: Goes) -> bool:
        for branch in branches:  # noqa: SIM110 - see below
            if self.sequence(list(branch), 0, at, groups, goes):
                return True
        return False

    def repeat(self, value: Any, at: int, groups: Groups, goes: Goes, *, is_greedy: bool) -> bool:
        least, most, inner = value
        nodes = list(inner)
        if len(nodes) == 1 and nodes[0][0] in _ONE:
            return self.repeat_one(least, most, nodes[0], at, groups, goes, is_greedy=is_greedy)
        assert is_greedy
        return self.repeat_many(least, most, nodes, 0, at, groups, goes)

    def repeat_one(
        self, least: Any, most: Any, node: Any, at: int, groups: Groups, goes: Goes, *, is_greedy: bool
    ) -> bool:
        if not is_greedy:
            end = at
            while True:
                if end - at >= least and goes(end, groups):
                    return True
                if (most is not op.MAXREPEAT and end - at >= most) or not self.one(*node, end):
                    return False
                end += 1
        end = at
        while (most is op.MAXREPEAT or end - at < most) and self.one(*node, end):
            end += 1
        for place in range(end, at + least - 1, -1):  # noqa: SIM110 - `any` between would use up C's stack
            if goes(place, groups):
                return True
        return False

    def repeat_many(
        self, least: Any, most: Any, nodes: list[Any], count: int, at: int, groups: Groups, goes: Goes
    ) -> bool:
        """A group once more, and then what follows; or what follows at once."""

        def again(end: int, found: Groups) -> bool:
            if end == at and count >= least:
                return False  # it took nothing: for ever
            return self.repeat_many(least, most, nodes, count + 1, end, found, goes)

        if (most is op.MAXREPEAT or count < most) and self.sequence(nodes, 0, at, groups, again):
            return True
        return count >= least and goes(at, groups)

    def looked(self, value: Any, at: int, groups: Groups) -> bool:
        direction, inner = value
        if direction > 0:
            return self.sequence(list(inner), 0, at, groups, lambda _, __: True)
        least, most = inner.getwidth()
        starts = range(max(0, at - most), at - least + 1)
        return any(self.sequence(list(inner), 0, start, groups, lambda end, _: end == at) for start in starts)

    def anchor(self, value: Any, at: int) -> bool:
        text = self.text
        if value is op.AT_BEGINNING:
            return at == 0 or (bool(self.flags & re.MULTILINE) and text[at - 1] == "\n")
        if value is op.AT_END:
            is_last = at == len(text) or (at == len(text) - 1 and text[at] == "\n")
            return is_last or (bool(self.flags & re.MULTILINE) and text[at] == "\n")
        if value is op.AT_END_STRING:
            return at == len(text)
        if value is op.AT_BOUNDARY:
            before = at > 0 and _is_word(text[at - 1])
            return before != (at < len(text) and _is_word(text[at]))
        raise NotImplementedError(value)


_ONE = (op.LITERAL, op.NOT_LITERAL, op.IN, op.ANY)


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"


def _takes(kind: Any, value: Any, char: str, flags: int) -> bool:
    if kind is op.ANY:
        return char != "\n" or bool(flags & re.DOTALL)
    if kind is op.IN:
        return _in(value, char) or (
            bool(flags & re.IGNORECASE) and (_in(value, char.lower()) or _in(value, char.upper()))
        )
    same = ord(char) == value or (bool(flags & re.IGNORECASE) and char.lower() == chr(value).lower())
    return same is (kind is op.LITERAL)


def _in(items: list[Any], char: str) -> bool:
    is_negated = items[0][0] is op.NEGATE
    return is_negated is not any(_one_of(kind, value, char) for kind, value in items[is_negated:])


def _one_of(kind: Any, value: Any, char: str) -> bool:
    if kind is op.LITERAL:
        return ord(char) == value
    if kind is op.RANGE:
        return bool(value[0] <= ord(char) <= value[1])
    if kind is op.CATEGORY:
        return _CATEGORIES[value](char)
    raise NotImplementedError(kind)


_CATEGORIES: dict[Any, Callable[[str], bool]] = {
    op.CATEGORY_WORD: _is_word,
    op.CATEGORY_DIGIT: str.isdecimal,
    op.CATEGORY_SPACE: str.isspace,
    op.CATEGORY_NOT_SPACE: lambda char: not char.isspace(),
    op.CATEGORY_NOT_WORD: lambda char: not _is_word(char),
}
