"""The form that tests a connection, made of what the connector says it takes; secrets are chosen, never typed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import QueryDict

from automate.secrets.backends import backend_name
from automate_connectors.models import ActionSpec
from automate_governance.models import StoredSecret

Field = Mapping[str, Any]


class ConnectionForm(forms.Form):
    """One field for each input; `params` is what was filled in."""

    use_required_attribute = False

    def __init__(self, spec: ActionSpec, data: QueryDict | None = None):
        super().__init__(data, auto_id="test_%s")
        self._spec = spec
        stored = _stored_names() if any(field.get("secret") for field in spec.inputs.values()) else []
        for name, field in spec.inputs.items():
            self.fields[name] = _field(field, stored)

    @property
    def params(self) -> dict[str, Any]:
        filled = {name: value for name, value in self.cleaned_data.items() if value not in ("", None)}
        return {
            name: {"$secret": value} if self._spec.inputs[name].get("secret") else value
            for name, value in filled.items()
        }


def _field(field: Field, stored: list[str]) -> forms.Field:
    said: dict[str, Any] = {
        "label": str(field["title"]) + ("" if field.get("required") else " (optional)"),
        "required": field.get("required") is True,
        "help_text": str(field.get("description", "")),
        "initial": field.get("default"),
    }
    if field.get("secret"):
        if backend_name() != "db":  # names there are not listed
            return forms.CharField(
                **{**said, "help_text": "The name of a secret. " + said["help_text"]}, max_length=100
            )
        return forms.ChoiceField(choices=[("", "no secret"), *((name, name) for name in stored)], **said)
    if "enum" in field:
        return forms.ChoiceField(choices=[(value, value) for value in field["enum"]], **said)
    if field.get("type") == "integer":
        return forms.IntegerField(min_value=field.get("minimum"), max_value=field.get("maximum"), **said)
    long = field.get("format") == "textarea"
    attrs = {"autocomplete": "off", "spellcheck": "false", "placeholder": _example(field)}
    widget = forms.Textarea(attrs={**attrs, "rows": 3}) if long else forms.TextInput(attrs=attrs)
    return forms.CharField(max_length=20_000 if long else 2_000, widget=widget, **said)


def _example(field: Field) -> str:
    example = (field.get("examples") or [""])[0]
    return example if isinstance(example, str) else ""


def _stored_names() -> list[str]:
    if backend_name() != "db":
        return []
    return list(StoredSecret.objects.order_by("name").values_list("name", flat=True))
