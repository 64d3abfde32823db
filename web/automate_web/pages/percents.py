"""A field of whole percents, as people write several: `50, 80, 100`; the word "none" is none of them."""

from __future__ import annotations

from typing import Any

from django import forms

from automate_billing.thresholds import MOST
from automate_web.filters import whole_number

NONE = "none"


class PercentsField(forms.CharField):
    """Cleans to a rising tuple of 1 to 100; an optional one that is empty to None: no choice of its own."""

    def __init__(self, *, is_optional: bool = False, **kwargs: Any):
        widget = forms.TextInput(attrs={"autocomplete": "off", "placeholder": "as every meter" if is_optional else ""})
        super().__init__(required=not is_optional, max_length=100, widget=widget, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        """What stands in the field: typed text as it is."""
        if isinstance(value, (tuple, list)):
            return ", ".join(str(percent) for percent in value) or NONE
        return value

    def clean(self, value: Any) -> Any:
        text = super().clean(value).strip().lower()
        if not text:
            return None
        words = [] if text == NONE else text.replace("%", " ").replace(",", " ").split()
        numbers = [whole_number(word) for word in words]
        found = [number for number in numbers if number is not None and 1 <= number <= 100]
        if len(found) < len(numbers) or (not found and text != NONE):
            raise forms.ValidationError("Write whole numbers from 1 to 100, such as 50, 80, 100; or: none.")
        if len(set(found)) > MOST:
            raise forms.ValidationError(f"Choose {MOST} at most.")
        return tuple(sorted(set(found)))
