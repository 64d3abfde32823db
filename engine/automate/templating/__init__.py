"""Templates: Jinja2 as a closed language over plain data, bounded in size, steps and time.

A text that is exactly one `{{ expression }}` gives the expression's value with its type; any other text with `{{ }}`
or `{% %}` gives text. Names come from the context alone: `payload`, `event`, `steps.<id>.output`, `run`, `trace_id`.
There are no calls, no attributes beside the keys of objects, no inclusion of anything; filters and tests are a short
list of our own. What is missing is an error, unless `|default(...)` says otherwise. `{"$secret": "NAME"}` is never
touched: a template can neither name a secret nor see one.
"""

from automate.templating.errors import TemplateFailed
from automate.templating.problems import find_template_problems
from automate.templating.rendering import render
from automate.templating.unknown import Unknown, UnknownValue

__all__ = ["TemplateFailed", "Unknown", "UnknownValue", "find_template_problems", "render"]
