"""Connectors: what workflows can call, whether policy lets it, who uses it; and a step out of a curl command."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers as fields
from rest_framework.request import Request
from rest_framework.response import Response

from automate.policy import effective_policy
from automate.services import catalogue
from automate.services.connection_tests import Outcome
from automate_connectors.http.curl import MAX_CHARACTERS, Pasted, from_curl
from automate_web.api.documentation import describe, query_parameter
from automate_web.api.query import Query
from automate_web.api.serializers import Input, JsonObject
from automate_web.api.views import ApiView, read
from automate_web.connection_tests import test_connection


class ConnectorInput(fields.Serializer[catalogue.Input]):
    name = fields.CharField()
    is_required = fields.BooleanField()
    is_secret = fields.BooleanField(help_text='Takes a reference, `{"$secret": "NAME"}`.')
    schema = JsonObject(help_text="JSON Schema of its value.")


class ConnectorAction(fields.Serializer[catalogue.ActionEntry]):
    code = fields.CharField()
    name = fields.CharField()
    description = fields.CharField()
    effect = fields.ChoiceField(choices=["read", "write", "irreversible"])
    inputs = ConnectorInput(many=True)
    outputs = fields.ListField(child=fields.CharField(), help_text="Names in the step's output.")
    takes_other_inputs = fields.BooleanField()
    denied_by = fields.CharField(
        allow_null=True, help_text="The layer of policy whose allowlist does not name it; null: it may be used."
    )
    used_by = fields.SerializerMethodField(help_text="Slugs of the workflows whose draft or live version calls it.")
    step = JsonObject(help_text="A step to start from.")

    def get_used_by(self, action: catalogue.ActionEntry) -> list[str]:
        return [workflow.slug for workflow in action.users]


class Connector(fields.Serializer[catalogue.ConnectorEntry]):
    code = fields.CharField()
    name = fields.CharField()
    description = fields.CharField()
    connection = ConnectorInput(
        many=True, help_text="What `POST /connector-tests` takes for it; none: there is nothing to be tested."
    )
    actions = ConnectorAction(many=True)


class ConnectorList(fields.Serializer[Any]):
    results = Connector(many=True)


class CurlCommand(Input):
    """As an API's documentation shows it. It is not sent and not kept."""

    curl = fields.CharField(max_length=MAX_CHARACTERS)


class MadeStep(fields.Serializer[Pasted]):
    """A step with references in place of credentials, the names of those secrets, and what was left out."""

    step = JsonObject()
    secrets = fields.ListField(child=fields.CharField())
    notes = fields.ListField(child=fields.CharField())


class ConnectionTest(Input):
    """What to reach, as the connector's `connection` describes it; secrets as references."""

    connector = fields.CharField(max_length=64)
    params = fields.DictField(default=dict)


class ConnectionOutcome(fields.Serializer[Outcome]):
    """What came of one harmless request. A failure is an outcome, not an error of this API."""

    is_ok = fields.BooleanField()
    code = fields.CharField(help_text="`ok`, or the code of the error that a step would have ended with.")
    message = fields.CharField()
    next = fields.CharField(help_text="What would help; may be empty.")
    took_ms = fields.IntegerField()


class Connectors(ApiView):
    """`/connectors`"""

    scopes: ClassVar = {"GET": "workflows:read"}

    @describe(
        "connectors_list",
        "List the connectors",
        answer=ConnectorList,
        parameters=[query_parameter("q", "A part of a name, an action or a description.")],
    )
    def get(self, request: Request) -> Response:
        text = Query(request, ("q",)).text("q") or ""
        return Response(ConnectorList({"results": catalogue.entries(effective_policy(), text=text)}).data)


class OneConnector(ApiView):
    """`/connectors/{connector}`"""

    scopes: ClassVar = {"GET": "workflows:read"}

    @describe("connectors_get", "Get a connector", answer=Connector, missing=True)
    def get(self, request: Request, connector: str) -> Response:
        Query(request, ())
        return Response(Connector(catalogue.entry(connector, effective_policy())).data)


class ConnectionTests(ApiView):
    """`/connector-tests`"""

    scopes: ClassVar = {"POST": "workflows:write"}

    @describe(
        "connector_tests_create",
        "Test a connection now",
        body=ConnectionTest,
        answer=ConnectionOutcome,
        missing=True,
        makes=True,
    )
    def post(self, request: Request) -> Response:
        Query(request, ())
        asked = read(request, ConnectionTest)
        return Response(ConnectionOutcome(test_connection(**asked, actor=self.caller.actor)).data)


class ConnectorSteps(ApiView):
    """`/connector-steps`"""

    scopes: ClassVar = {"POST": "workflows:read"}
    for_tests: ClassVar = frozenset({"POST"})

    @describe("connector_steps_create", "Make a step of a curl command", body=CurlCommand, answer=MadeStep, makes=True)
    def post(self, request: Request) -> Response:
        Query(request, ())
        return Response(MadeStep(from_curl(read(request, CurlCommand)["curl"])).data)
