"""What templates give: values with their types, text otherwise, and clear words for what is missing."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automate.templating import TemplateFailed, render
from automate.templating.environment import compiled
from automate.templating.limits import Budget, budget
from automate.templating.rendering import _along
from automate.templating.values import leave
from tests.support.examples import examples

CONTEXT: dict[str, Any] = {
    "payload": {
        "name": "Ada",
        "amount": 5,
        "price": 2.5,
        "paid": True,
        "nothing": None,
        "items": [{"sku": "a", "qty": 2}, {"sku": "b", "qty": 3}],
        "keys": {"x": 1},
        "0": "zero",
        "text": " Grüße 🌍 ",
    },
    "event": {"id": "e1", "type": "order.created"},
    "steps": {"first": {"output": {"list": [1, 2, 3]}}},
    "run": {"id": "r1"},
    "trace_id": "ab" * 16,
}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        # a lone expression keeps its type
        ("{{ payload.amount }}", 5),
        ("{{payload.price}}", 2.5),
        ("{{ payload.paid }}", True),
        ("{{ payload.nothing }}", None),
        ("{{ payload.items }}", CONTEXT["payload"]["items"]),
        ("{{ payload.items.1.sku }}", "b"),
        ("{{ payload.items[1]['sku'] }}", "b"),
        ("{{ payload.items[-1].qty }}", 3),
        ("{{ payload.keys }}", {"x": 1}),
        ("{{ payload.0 }}", "zero"),
        ("{{ steps.first.output.list }}", [1, 2, 3]),
        ("{{ steps.first.output.list[1:] }}", [2, 3]),
        ("{{ trace_id }}", "ab" * 16),
        ("{{ payload.amount * 2 + 1 }}", 11),
        ("{{ 7 // 2 }}", 3),
        ("{{ 7 % 4 }}", 3),
        ("{{ 2 ** 10 }}", 1024),
        ("{{ -payload.amount }}", -5),
        ("{{ payload.amount > 3 and not payload.nothing }}", True),
        ("{{ payload.name == 'Ada' }}", True),
        ("{{ 'sku' in payload.items[0] }}", True),
        ("{{ payload.name if payload.amount > 9 else 'small' }}", "small"),
        ("{{ [1, payload.name] }}", [1, "Ada"]),
        ("{{ (1, 2) }}", [1, 2]),
        ("{{ {'a': payload.items} }}", {"a": CONTEXT["payload"]["items"]}),
        ("{{ payload.name ~ ' ' ~ payload.amount }}", "Ada 5"),
        ("{{ 'a' + 'b' }}", "ab"),
        ("{{ [1] + [2] }}", [1, 2]),
        # text
        ("plain", "plain"),
        ("{ not a template }", "{ not a template }"),
        ("", ""),
        ("Hi {{ payload.name }}!", "Hi Ada!"),
        (" {{ payload.amount }}", " 5"),
        ("{{ payload.amount }}{{ payload.amount }}", "55"),
        ("is {{ payload.paid }}, {{ payload.nothing }}.", "is true, ."),
        ("{{ payload.keys }}!", '{"x": 1}!'),
        ("{{ payload.text }}!", " Grüße 🌍 !"),
        ("{# nothing #}x", "x"),
        ("{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
        ("{% if payload.paid %}paid{% else %}open{% endif %}", "paid"),
        (
            "{% for i in payload['items'] %}{{ loop.index }}{{ i.sku }}{% if not loop.last %},{% endif %}{% endfor %}",
            "1a,2b",
        ),
        ("{% for k in payload.keys %}{{ k }}{% endfor %}", "x"),
        ("{% for k, v in payload.keys|items %}{{ k }}={{ v }}{% endfor %}", "x=1"),
        ("{% for x in [] %}{% else %}none{% endfor %}", "none"),
        ("{% for x in [1, 2, 3] if x > 1 %}{{ x }}{% endfor %}", "23"),
        ("{% for a in [1, 2] %}{% for b in [3, 4] %}{{ a * b }} {% endfor %}{% endfor %}", "3 4 6 8 "),
        ("{% set total = payload.amount + 1 %}{{ total }}", "6"),
        ("line\n", "line\n"),
        ("{{ payload.name }}\n", "Ada\n"),
        ("<b>{{ '<i>' }}</b>", "<b><i></b>"),
    ],
)
def test_a_template_gives(template: str, expected: Any) -> None:
    given = render(template, CONTEXT)

    assert given == expected
    assert type(given) is type(expected)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ payload.nope|default('x') }}", "x"),
        ("{{ payload.nope.deeper|default(1) }}", 1),
        ("{{ payload.nothing|default('x') }}", None),
        ("{{ payload.nothing|default('x', true) }}", "x"),
        ("{{ nope|d('x') }}", "x"),
        ("{{ 'a b'|upper }}", "A B"),
        ("{{ 'A B'|lower }}", "a b"),
        ("{{ 'a b'|title }}", "A B"),
        ("{{ 'aB'|capitalize }}", "Ab"),
        ("{{ ' a '|trim }}", "a"),
        ("{{ 'a-b-c'|replace('-', '+') }}", "a+b+c"),
        ("{{ 'abcdef'|truncate(4) }}", "abc…"),
        ("{{ 'abc'|truncate(4) }}", "abc"),
        ("{{ 'a,b'|split(',') }}", ["a", "b"]),
        ("{{ 'a b'|split }}", ["a", "b"]),
        ("{{ ['a', 1, none]|join('-') }}", "a-1-"),
        ("{{ payload['items']|join(', ', 'sku') }}", "a, b"),
        ("{{ payload['items']|length }}", 2),
        ("{{ 'abc'|count }}", 3),
        ("{{ [1, 2]|first }}", 1),
        ("{{ 'abc'|last }}", "c"),
        ("{{ []|first|default('none') }}", "none"),
        ("{{ payload.keys|list }}", ["x"]),
        ("{{ [1, 2]|reverse }}", [2, 1]),
        ("{{ 'abc'|reverse }}", "cba"),
        ("{{ [3, 1, 2]|sort }}", [1, 2, 3]),
        ("{{ payload['items']|sort(true, 'qty')|map(attribute='sku') }}", ["b", "a"]),
        ("{{ [1, 1, '1', 1.0, true]|unique }}", [1, "1", 1.0, True]),
        ("{{ payload.keys|items }}", [["x", 1]]),
        ("{{ payload['items']|sum('qty') }}", 5),
        ("{{ [1, 2.5]|sum }}", 3.5),
        ("{{ [3, 1]|min }}", 1),
        ("{{ [3, 1]|max }}", 3),
        ("{{ 2.5|round }}", 3),
        ("{{ 1.005|round(2) }}", 1.01),
        ("{{ 7|round }}", 7),
        ("{{ (-3)|abs }}", 3),
        ("{{ '42'|int }}", 42),
        ("{{ ' -42 '|int }}", -42),
        ("{{ '3.9'|int }}", 3),
        ("{{ 'x'|int(0) }}", 0),
        ("{{ '3.5'|float }}", 3.5),
        ("{{ 'x'|float(1.5) }}", 1.5),
        ("{{ 5|string }}", "5"),
        ("{{ {'a': [1, none]}|tojson }}", '{"a": [1, null]}'),
        ("{{ 'a b/ü'|urlencode }}", "a%20b%2F%C3%BC"),
        ("{{ payload.nope is defined }}", False),
        ("{{ payload.nope is undefined }}", True),
        ("{{ payload.nothing is none }}", True),
        ("{{ 'x' is string }}", True),
        ("{{ 1 is number and true is not number }}", True),
        ("{{ true is boolean }}", True),
        ("{{ payload.keys is mapping and [] is sequence }}", True),
        ("{{ 3 is odd and 4 is even }}", True),
        ("{{ 1 is in [1, 2] }}", True),
        ("{{ 'abc' is startswith('ab') and 'abc' is endswith('c') }}", True),
    ],
)
def test_a_filter_or_test_gives(template: str, expected: Any) -> None:
    given = render(template, CONTEXT)

    assert given == expected
    assert type(given) is type(expected)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ payload.nope }}", "`payload.nope` is not there: `payload` has no `nope`."),
        ("{{ payload.nope.a.b }}", "`payload.nope.a.b` is not there: `payload` has no `nope`."),
        ("{{ payload.name.first }}", "`payload.name.first` is not there: `payload.name` has no `first`."),
        ("{{ nope }}", "`nope` is not there."),
        ("{{ payload.items.7 }}", "`payload.items.7` is not there: `payload.items` has no `7`."),
        ("Hi {{ payload.nope }}", "`nope` is not there."),
        ("{{ payload.nope + 1 }}", "`nope` is not there."),
        ("{{ [payload.nope] }}", "`nope` is not there."),
        ("{{ payload.nope|upper }}", "`nope` is not there."),
        ("{% if payload.nope %}{% endif %}", "`nope` is not there."),
        ("{% for x in payload.nope %}{% endfor %}", "`nope` is not there."),
        ("{{ payload.nope == 1 }}", "`nope` is not there."),
        ("{{ payload.name + 1 }}", "`+` needs two numbers, or two texts, or two lists."),
        ("{{ payload.name * 2 }}", "`*` needs two numbers."),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ payload.name|sum }}", "A number is needed, not a text."),
        ("{{ 5|items }}", "An object is needed, not a number."),
        ("{{ [1, 'a']|sort }}", "not supported"),
        ("{{ 'x'|int }}", "'x' is not a number."),
        ("{{ x y }}", "The template cannot be read"),
        ("{{ 'a'|uper }}", 'There is no filter "uper". Did you mean "upper"?'),
        ("{{ 1 is mising }}", 'There is no test "mising".'),
    ],
)
def test_what_goes_wrong_is_said_plainly(template: str, message: str) -> None:
    with pytest.raises(TemplateFailed) as failed:
        render(template, CONTEXT)

    assert message in failed.value.message
    assert failed.value.code == "template_failed"


def test_params_are_walked_and_the_place_of_a_failure_is_told() -> None:
    params = {
        "url": "https://x/{{ payload.name }}",
        "json": {"n": ["{{ payload.amount }}", 7, None]},
        "{{ key }}": True,
    }
    assert render(params, CONTEXT) == {"url": "https://x/Ada", "json": {"n": [5, 7, None]}, "{{ key }}": True}

    with pytest.raises(TemplateFailed) as failed:
        render({"a/b": [1, {"c": "{{ nope }}"}]}, CONTEXT)

    assert failed.value.details["path"] == "/a~1b/1/c"
    assert failed.value.details["template"] == "{{ nope }}"


def test_what_is_rendered_shares_nothing_with_the_context() -> None:
    context = deepcopy(CONTEXT)
    rendered = render({"a": "{{ payload }}", "b": "{{ [payload['items']] }}"}, context)

    rendered["a"]["items"].append("changed")
    rendered["b"][0].append("changed")

    assert context == CONTEXT


def test_a_keys_of_an_object_is_data_and_never_a_method() -> None:
    context = {"payload": {"items": 1, "keys": 2, "get": 3, "update": 4, "copy": 5, "pop": 6}}
    for name, value in context["payload"].items():
        assert render("{{ payload." + name + " }}", context) == value
        assert render("{{ payload." + name + " + 0 }}", context) == value


HYPHENS: dict[str, Any] = {
    "steps": {
        "reserve-stock": {"output": {"n": 5, "left-over": 7}},
        "call-2nd": {"output": 2},
        "a--01-x": {"output": "odd"},
        "total": {"output": 10},
    },
    "payload": {"steps": {"q": 9}, "r": 4},
}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ steps.reserve-stock.output.n }}", 5),
        ("{{ steps['reserve-stock'].output.n }}", 5),
        ("{{ steps.reserve-stock.output.n - 1 }}", 4),
        ("{{ steps.reserve-stock.output.n-1 }}", 4),
        ("{{ steps.total.output-steps.call-2nd.output }}", 8),
        ("{{steps.call-2nd.output}}", 2),
        ("{{ steps.a--01-x.output }}", "odd"),
        ("{{ payload.steps.q-payload.r }}", 5),
        ("left-over: {{ steps.reserve-stock.output['left-over'] }} of steps.total-x", "left-over: 7 of steps.total-x"),
        ("{{ 'steps.reserve-stock' }}: {{ steps.call-2nd.output }}", "steps.reserve-stock: 2"),
        ("{% if steps.call-2nd.output == 2 -%}  {{ steps.reserve-stock.output.n-}}  {% endif %}.", "5."),
        ("{% raw %}{{ steps.reserve-stock }}{% endraw %}{# steps.a-b #}", "{{ steps.reserve-stock }}"),
    ],
)
def test_a_hyphen_right_after_a_steps_name_belongs_to_it(template: str, expected: Any) -> None:
    assert render(template, HYPHENS) == expected


names = st.sampled_from(
    [
        "payload",
        "event",
        "steps",
        "steps",
        "a-b",
        "x-2nd",
        "items",
        "a",
        "b",
        "x1",
        "_y",
        "0",
        "1",
        "7",
        "self",
        "true",
        "loop",
    ]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.sampled_from(["", "text", "$x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=examples(200))
@given(
    context=st.dictionaries(names, values, max_size=4),
    path=st.lists(names, min_size=1, max_size=4),
    spaces=st.sampled_from(["", " ", "\n\t"]),
)
def test_the_short_way_of_lone_paths_gives_what_jinja_gives(
    context: dict[str, Any], path: list[str], spaces: str
) -> None:
    template = "{{" + spaces + ".".join(path) + spaces + "}}"

    assert _outcome(lambda: render(template, context)) == _outcome(lambda: _by_jinja(template, context))


def _by_jinja(template: str, context: dict[str, Any]) -> Any:
    counted = Budget()
    token = budget.set(counted)
    try:
        return leave(compiled(template).run(context), counted)
    finally:
        budget.reset(token)


def _outcome(render_it: Any) -> Any:
    try:
        given = render_it()
    except Exception:
        return "failed"
    return (type(given), given)


def test_a_path_is_read_step_by_step() -> None:
    assert _along(("payload", "items", 0, "sku"), CONTEXT) == "a"
