"""Form widgets of our own."""

from __future__ import annotations

from typing import Any

from django import forms
from django.forms.utils import flatatt
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString


class LongSelect(forms.Select):
    """A select of hundreds of options, written at once: a template for each of 500 takes 100 ms of a page.

    An option that is called what it means says it once: half of what 430 time zones weigh.
    """

    def render(
        self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None
    ) -> SafeString:  # of options without groups
        chosen = ("", " selected")
        options = format_html_join(
            "\n",
            "<option{}{}>{}</option>",
            (
                (
                    "" if option == label else format_html(' value="{}"', option),
                    chosen[str(option) == str(value)],
                    label,
                )
                for option, label in self.choices
            ),
        )
        return format_html(
            "<select{}>{}</select>", flatatt({**self.build_attrs(self.attrs, attrs), "name": name}), options
        )
