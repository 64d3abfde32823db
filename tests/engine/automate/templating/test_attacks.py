"""Templates written to escape, to run for ever or to fill the memory: refused, at once and within bounds."""

from __future__ import annotations

import time
import tracemalloc
from typing import Any

import pytest

from automate.templating import TemplateFailed, render
from automate.templating.environment import ENVIRONMENT
from automate.templating.filters import FILTERS

ROWS = [{"id": number, "text": "x" * 20, "tags": ["a", "b"]} for number in range(5_000)]
CONTEXT: dict[str, Any] = {"payload": {"name": "Ada", "rows": ROWS, "big": "y" * 500_000, "number": 10**300}}
MAX_SECONDS = 3.0  # of processor time while memory is traced; without, at most the budget's own and one operation
MAX_BYTES = 120_000_000  # beyond what was there before

ESCAPES = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''['__class__'] }}",
    "{{ payload.__class__ }}!",
    "{{ payload|attr('__class__') }}",
    "{{ payload.items.__globals__ }}",
    "{{ self }}",
    "{{ self.__init__.__globals__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "{{ cycler.__init__.__globals__ }}",
    "{{ joiner }}",
    "{{ namespace(x=1) }}",
    "{{ dict(a=1) }}",
    "{{ range(10) }}",
    "{{ payload.update({'a': 1}) }}",
    "{{ payload.rows.append(1) }}",
    "{{ 'a'.format(1) }}",
    "{{ '{0.__class__}'.format(1) }}",
    "{{ '%s'|format(payload) }}",
    "{{ '%s' % payload }}",
    "{{ payload|pprint }}",
    "{{ payload|xmlattr }}",
    "{{ payload.rows|groupby('id') }}",
    "{{ payload.rows|map('upper') }}",
    "{{ payload.rows|selectattr('id') }}",
    "{{ payload is sameas payload }}",
    "{{ payload is callable }}",
    "{% include 'x' %}",
    "{% import 'x' as y %}",
    "{% from 'x' import y %}",
    "{% extends 'x' %}",
    "{% block x %}{% endblock %}",
    "{% macro x() %}{% endmacro %}{{ x() }}",
    "{% call payload() %}{% endcall %}",
    "{% filter upper %}x{% endfilter %}",
    "{% set x %}y{% endset %}",
    "{% set payload.name = 1 %}",
    "{% with a = 1 %}{{ a }}{% endwith %}",
    "{% autoescape true %}{% endautoescape %}",
    "{% for x in payload.rows recursive %}{{ loop(x) }}{% endfor %}",
    "{% for x in [1] %}{{ loop }}{% endfor %}",
    "{% for x in [1] %}{{ loop._iterable }}{% endfor %}",
    "{% for x in [1] %}{{ loop.cycle('a') }}{% endfor %}",
    "{% for x in [1] %}{{ loop.__class__ }}{% endfor %}",
    "{% do payload %}",
    "{% trans %}x{% endtrans %}",
    "{% debug %}",
    "{{ payload|upper(*payload.rows) }}",
    "{{ payload|default(**payload) }}",
    "{{ payload|_ for }}",
    "{{ result }}",
    "{{ context }}",
    "{{ environment }}",
    "{{ __builtins__ }}",
    "{{ caller }}",
    "{{ varargs }}",
    "{{ _ }}",
]

FLOODS = [
    "{{ 'a' * 500000000 }}",
    "{{ [1] * 500000000 }}",
    "{{ 'a'.center(500000000) }}",
    "{{ 'a'|center(500000000) }}",
    "{{ '%0300000000d'|format(1) }}",
    "{{ '%0300000000d' % 1 }}",
    "{{ '%0300000000d' is odd }}",
    "{{ 9 ** 9 ** 9 }}",
    "{{ 65536 ** 64 ** 64 }}",
    "{% for a in payload.rows %}{{ payload.number * payload.number * payload.number * payload.number }}{% endfor %}",
    "{{ (((((payload.number ** 4) ** 4) ** 4) ** 4) ** 4) }}",
    "{{ 1 << 500000000 }}",
    "{{ " + "9" * 5_000 + " }}",
    "{% for a in payload.rows %}{% for b in payload.rows %}{{ a.id }}{% endfor %}{% endfor %}",
    "{% for a in payload.rows %}{% for b in payload.rows %}{% if a == b %}{% endif %}{% endfor %}{% endfor %}",
    "{% for a in payload.rows %}" * 3 + "{% endfor %}" * 3,
    "{% for a in payload.rows %}{{ payload.big }}{% endfor %}",
    "{% for a in payload.rows %}{% set x = payload.big ~ payload.big %}{% endfor %}",
    "{% for a in payload.rows %}{% set x = payload.big|upper %}{% endfor %}",
    "{% for a in payload.rows %}{% set x = payload.rows|tojson %}{% endfor %}",
    "{% for a in payload.rows %}{% set x = payload.rows|sort(attribute='id') %}{% endfor %}",
    "{% for a in payload.rows %}{% set x = payload.rows|unique %}{% endfor %}",
    "{% for a in payload.rows %}{% if payload.rows == payload.rows|list %}{% endif %}{% endfor %}",
    "{{ payload.big|replace('y', payload.big) }}",
    "{{ payload.big|replace('', payload.big) }}",
    "{{ payload.rows|join(payload.big) }}",
    "{{ payload.big|list|join(payload.big) }}",
    "{% set a = 'xxxxxxxxxxxxxxxx' %}" + "{% set a = a ~ a %}" * 30 + "{{ a }}",
    "{% set a = 'xxxxxxxxxxxxxxxx' %}" + "{% set a = a + a %}" * 30 + "{{ a }}",
    "{% set a = [1, 2] %}" + "{% set a = a + a %}" * 30 + "{{ a }}",
    "{% set a = [1] %}" + "{% set a = [a, a] %}" * 40 + "{{ a }}",
    "{% set a = [1] %}"
    + "{% set a = [a, a] %}" * 40
    + "{% set b = [1] %}"
    + "{% set b = [b, b] %}" * 40
    + "{{ a == b }}",
    "{% set a = {'k': 1} %}" + "{% set a = {'k': a, 'l': a} %}" * 40 + "{{ a|tojson }}",
    "{% set a = (1, 2) %}" + "{% set a = (a, a) %}" * 40 + "{{ a|length }}",
    "{% set a = [1] %}" + "{% set a = [a] %}" * 150 + "{{ a }}",
    "{{ payload.rows[0:5000:1] * 1000000 }}",
    "{{ " + "(" * 3_000 + "1" + ")" * 3_000 + " }}",
    "{{ " + "[" * 3_000 + "]" * 3_000 + " }}",
    "{{ payload" + ".a" * 6_000 + "|default(1) + 1 }}",
    "{{ payload" + "|upper" * 2_000 + " }}",
    "{{ " + "not " * 3_000 + "1 }}",
    "{{ 1" + " + 1" * 3_000 + " }}",
    "{% if 1 %}" * 900 + "{% endif %}" * 900,
    "{% for a in payload.rows %}" * 30 + "{% endfor %}" * 30,
    "{{ payload.name }}" * 1_100,
    "x{{ payload.name }}" + "y" * 20_000,
    "{{ '" + "\\u0041" * 2_600 + "'|" + " }}",
    "{{ " * 5_000,
    "{% " * 5_000,
    "{# " * 5_000,
    "{% raw %}" * 1_500,
]


@pytest.fixture(scope="module", autouse=True)
def warm() -> None:
    render("{{ payload.name|upper }}", CONTEXT)


@pytest.mark.parametrize("template", ESCAPES)
def test_an_escape_is_refused(template: str) -> None:
    with pytest.raises(TemplateFailed) as refused:
        render(template, CONTEXT)

    assert "object at 0x" not in refused.value.message


@pytest.mark.parametrize("template", FLOODS, ids=[flood[:50] for flood in FLOODS])
def test_a_flood_is_refused_in_time_and_space(template: str) -> None:
    tracemalloc.start()
    before = time.thread_time()
    try:
        with pytest.raises(TemplateFailed):
            render(template, CONTEXT)
        seconds, peak = time.thread_time() - before, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert seconds < MAX_SECONDS
    assert peak < MAX_BYTES


def test_many_templates_of_one_step_share_one_budget() -> None:
    with pytest.raises(TemplateFailed, match="make more than"):
        render(["{{ payload.big }}"] * 50, CONTEXT)
    with pytest.raises(TemplateFailed, match="make more than"):
        render({"a": [{"b": "{{ payload.rows }}!"}] * 50}, CONTEXT)


def test_a_list_that_holds_itself_is_an_error() -> None:
    loop: list[Any] = []
    loop.append(loop)

    for template in (
        "{{ payload }}",
        "{{ payload }}!",
        "{{ [payload] }}",
        "{{ payload|tojson }}",
        "{{ payload == [payload] }}",
    ):
        with pytest.raises(TemplateFailed):
            render(template, {"payload": loop})
    with pytest.raises(TemplateFailed):
        render(loop, {})


class Tempting:
    """An object that must not be reached, whatever brings it into a context."""

    secret = "value"

    def __call__(self) -> str:
        return "called"

    def __str__(self) -> str:
        return "shown"


@pytest.mark.parametrize(
    "template",
    ["{{ payload }}", "{{ payload }}!", "{{ payload.secret }}", "{{ payload.secret }}!", "{{ payload['secret'] }}",
     "{{ payload() }}", "{{ payload|upper }}", "{{ payload ~ 'x' }}", "{{ [payload] }}", "{{ payload|default('x') }}",
     "{{ {'a': payload} }}"],
)  # fmt: skip
def test_only_plain_data_is_read(template: str) -> None:
    for context in ({"payload": Tempting()}, {"payload": {"secret": Tempting()}}):
        with pytest.raises(TemplateFailed):
            render(template.replace("payload.secret", "payload.secret.secret"), context)


@pytest.mark.parametrize(
    "template", ["{{ payload.x }}", "{{ [payload.x] }}", "{{ payload }}", "{{ payload|default(1) }}"]
)
def test_data_from_outside_cannot_name_a_secret(template: str) -> None:
    for hostile in ({"$secret": "STRIPE_KEY"}, "$secret:STRIPE_KEY", {"a": [{"$secret": "STRIPE_KEY", "b": 1}]}):
        with pytest.raises(TemplateFailed, match="names a secret"):
            render({"header": template}, {"payload": {"x": hostile}})


def test_a_secret_cannot_be_put_together_from_pieces() -> None:
    for template in ("$secret:{{ payload.x }}", "{{ '$sec' ~ 'ret:' }}{{ payload.x }}", "{{ {'$secret': payload.x} }}"):
        with pytest.raises(TemplateFailed, match="names a secret"):
            render(template, {"payload": {"x": "STRIPE_KEY"}})


def test_references_of_the_workflow_itself_are_left_alone() -> None:
    params = {"a": {"$secret": "STRIPE_KEY"}, "b": "$secret:STRIPE_KEY", "c": {"$secret": "{{ payload.x }}"}}

    assert render(params, {"payload": {"x": "OTHER"}}) == params


def test_there_are_no_globals_and_only_listed_filters() -> None:
    assert ENVIRONMENT.globals == {}
    assert set(ENVIRONMENT.filters) == set(FILTERS)
    assert not {"attr", "format", "pprint", "urlize", "xmlattr", "wordwrap", "indent", "center", "mapattr"} & set(
        FILTERS
    )


def test_names_of_one_render_are_gone_in_the_next() -> None:
    render("{% set leaked = payload.name %}{{ leaked }}", CONTEXT)

    with pytest.raises(TemplateFailed):
        render("{{ leaked }}!", CONTEXT)
