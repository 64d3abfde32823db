"""A definition as a drawing: its trigger, its steps, and what each waits for, laid out from the top down.

Drawn by the server as SVG; the same in words is a list beside it, for those who do not see it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from automate.definitions.graph import needs_of, well_formed
from automate.triggers.words import in_words

WIDTH, HEIGHT, GAP_X, GAP_Y = 168, 44, 16, 28  # of a box, and between boxes, in the drawing's units
LETTERS = 22  # that fit into a box
SHOWN = 60  # steps; a longer workflow is told in words alone


@dataclass(frozen=True)
class Box:
    """One box. `kind`: trigger, step, or end (a `finally` step)."""

    id: str
    kind: str
    title: str
    note: str
    x: int
    y: int

    @property
    def middle(self) -> int:
        return self.x + WIDTH // 2

    @property
    def text_y(self) -> int:
        return self.y + 18

    @property
    def note_y(self) -> int:
        return self.y + 34


@dataclass(frozen=True)
class Line:
    """From the foot of one box to the head of another, as an SVG path."""

    path: str


@dataclass(frozen=True)
class Diagram:
    """`words`: the same as sentences, one for each box."""

    width: int
    height: int
    boxes: list[Box]
    lines: list[Line]
    words: list[str]


def draw(definition: dict[str, Any]) -> Diagram:
    """The drawing of a definition that has been checked; only its words where it has more than `SHOWN` steps."""
    steps = {step["id"]: step for _, step in well_formed(definition["steps"])}
    needs = needs_of(definition)
    ends = [step for _, step in well_formed(definition.get("finally") or [])]
    words = [f"Starts on {in_words(definition['trigger'])}{_asks(definition)}."]
    words += [_sentence(steps[step_id], needs[step_id]) for step_id in needs]
    words += [f"At the end, whatever came: {_title(step)} ({_call(step)})." for step in ends]
    if len(steps) + len(ends) > SHOWN:
        return Diagram(0, 0, [], [], words)
    rows = _rows(needs)
    most = max(len(row) for row in rows)
    width = most * (WIDTH + GAP_X) - GAP_X
    boxes = {"": Box("", "trigger", _cut(in_words(definition["trigger"])), _asked(definition), (width - WIDTH) // 2, 0)}
    for depth, row in enumerate(rows, 1):
        left = (width - (len(row) * (WIDTH + GAP_X) - GAP_X)) // 2
        for place, step_id in enumerate(row):
            x, y = left + place * (WIDTH + GAP_X), depth * (HEIGHT + GAP_Y)
            boxes[step_id] = Box(step_id, "step", _title(steps[step_id]), _cut(_note(steps[step_id])), x, y)
    lines = [_line(boxes[need], boxes[step_id]) for step_id in needs for need in needs[step_id] or ("",)]
    last = [step_id for step_id in needs if not any(step_id in needed for needed in needs.values())]
    for number, step in enumerate(ends):
        y = (len(rows) + 1 + number) * (HEIGHT + GAP_Y)
        end = Box(f"finally {step['id']}", "end", _title(step), _cut(_call(step)), (width - WIDTH) // 2, y)
        lines += [_line(boxes[one], end) for one in last]
        boxes[end.id], last = end, [end.id]
    height = max(box.y for box in boxes.values()) + HEIGHT
    return Diagram(width, height, list(boxes.values()), lines, words)


def _rows(needs: dict[str, tuple[str, ...]]) -> list[list[str]]:
    """Steps by how many come before them on the longest way.

    >>> _rows({"a": (), "b": (), "c": ("a", "b")})
    [['a', 'b'], ['c']]
    """
    depth: dict[str, int] = {}
    waiting = list(needs)
    while waiting:
        ready = [step_id for step_id in waiting if all(need in depth for need in needs[step_id])]
        if not ready:  # a circle, which no checked definition has
            break
        for step_id in ready:
            depth[step_id] = 1 + max((depth[need] for need in needs[step_id]), default=-1)
        waiting = [step_id for step_id in waiting if step_id not in depth]
    rows: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for step_id, level in depth.items():
        rows[level].append(step_id)
    return rows


def _line(above: Box, below: Box) -> Line:
    start, end, half = above.y + HEIGHT, below.y, GAP_Y // 2
    bend = f"C{above.middle} {start + half} {below.middle} {end - half} {below.middle} {end}"
    return Line(f"M{above.middle} {start}{bend}")


def _title(step: dict[str, Any]) -> str:
    return _cut(step.get("name") or step["id"])


def _note(step: dict[str, Any]) -> str:
    marks = [
        word
        for name, word in (("when", "if"), ("foreach", "each"), ("on_error", "fallback"), ("compensate", "undo"))
        if step.get(name)
    ]
    return " · ".join([_call(step), *marks])


def _call(step: dict[str, Any]) -> str:
    return f"{step.get('connector')}.{step.get('action')}"


def _sentence(step: dict[str, Any], needs: tuple[str, ...]) -> str:
    after = f"After {' and '.join(needs)}" if needs else "At once"
    extra = "".join(
        text
        for name, text in (
            ("when", ", if its condition holds"),
            ("foreach", ", once for each item"),
            ("on_error", ", with a way on should it fail"),
            ("compensate", ", taken back should a later step fail"),
        )
        if step.get(name)
    )
    return f"{after}: {step.get('name') or step['id']} ({_call(step)}){extra}."


def _asks(definition: dict[str, Any]) -> str:
    return ", if the rule matches" if definition.get("rule") else ""


def _asked(definition: dict[str, Any]) -> str:
    return "if the rule matches" if definition.get("rule") else "every event"


def _cut(text: str) -> str:
    return text if len(text) <= LETTERS else f"{text[: LETTERS - 1]}…"
