"""The connector `s3`: signed as botocore signs, kept as an S3 server keeps."""

from __future__ import annotations

import base64
import socket
from datetime import datetime, timezone
from typing import Any, ClassVar

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from hypothesis import given
from hypothesis import strategies as st
from moto.server import ThreadedMotoServer

from automate_connectors.models import ConnectorError
from automate_connectors.s3 import S3Adapter
from automate_connectors.s3.sigv4 import Credentials, encoded_path, signed_headers
from automate_governance.egress import EgressPolicy
from automate_testing.contracts import CANARY, ConnectorContractTest

from .doors import FixedClock, context_of, through
from .standin import Answer, standing_in

KEYS = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}


@given(
    key=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40),
    body=st.binary(max_size=50),
    token=st.sampled_from(["", "session"]),
    method=st.sampled_from(["GET", "PUT", "DELETE"]),
    port=st.sampled_from(["", ":9000"]),
)
def test_requests_are_signed_as_botocore_signs_them(key, body, token, method, port):
    url = f"https://s3.example.com{port}/bucket/{encoded_path(key)}"
    headers = {"Content-Type": "text/plain", "x-amz-meta-note": "two  spaces"}
    now = datetime.now(timezone.utc)
    signer = S3SigV4Auth(BotoCredentials(*KEYS.values(), token or None), "s3", "eu-central-1")
    theirs = AWSRequest(method=method, url=url, headers=headers, data=body)
    theirs.context = {"payload_signing_enabled": True, "signing_region": "eu-central-1"}
    signer.add_auth(theirs)
    at = datetime.strptime(theirs.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)

    credentials = Credentials(*KEYS.values(), token)
    ours = signed_headers(method, url, headers, body, credentials=credentials, region="eu-central-1", now=at)

    assert abs((now - at).total_seconds()) < 60
    assert ours["Authorization"] == theirs.headers["Authorization"]
    assert KEYS["secret_access_key"] not in repr(credentials)


@pytest.fixture(scope="module")
def moto():
    """A real server of the S3 protocol."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}", EgressPolicy(private_targets=(f"{host}:{port}",))
    server.stop()


@pytest.fixture(scope="module")
def bucket(moto):
    import boto3

    client = boto3.client("s3", endpoint_url=moto[0], region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")  # fmt: skip  # noqa: E501
    client.create_bucket(Bucket="reports")
    return client


@pytest.fixture(params=["execute", "aexecute"])
def call(request, moto, bucket):
    url, policy = moto

    def do(action, params, **context):
        given = {**KEYS, "endpoint": url, "bucket": "reports", **params}
        context = context_of(None, **{"egress": policy, **context})
        return through(request.param, S3Adapter(), action, given, context)

    return do


@pytest.mark.parametrize(
    ("key", "params", "text", "raw", "content_type"),
    [
        ("a/b c+ä~.txt", {"content": "grün"}, "grün", None, "text/plain; charset=utf-8"),
        ("x.json", {"json": {"a": [1]}}, '{"a": [1]}', None, "application/json"),
        ("x.bin", {"content_base64": "AP8="}, None, "AP8=", "application/octet-stream"),
        ("x.csv", {"content": "", "content_type": "text/csv"}, "", None, "text/csv"),
    ],
)
def test_what_is_put_is_got(call, bucket, key, params, text, raw, content_type):
    put = call("put_object", {"object_key": key, "metadata": {"Order": "7"}, **params})
    got = call("get_object", {"object_key": key})

    assert (got["content"], got["content_base64"], got["content_type"]) == (text, raw, content_type)
    assert got["metadata"] == {"order": "7"}
    assert got["etag"] == put["etag"] != ""
    assert put["bytes"] == got["bytes"] == len(base64.b64decode(raw) if raw else text.encode())
    assert bucket.get_object(Bucket="reports", Key=key)["ContentLength"] == put["bytes"]


def test_an_object_is_removed_and_what_is_not_there_counts_as_removed(call):
    call("put_object", {"object_key": "gone", "content": "x"})
    for _ in range(2):
        assert call("delete_object", {"object_key": "gone"}) == {"deleted": True}
    with pytest.raises(ConnectorError) as raised:
        call("get_object", {"object_key": "gone"})
    assert (raised.value.code, raised.value.retryable) == ("s3_NoSuchKey", False)


def test_a_larger_object_than_wanted_is_refused(call):
    call("put_object", {"object_key": "large", "content": "x" * 101})
    with pytest.raises(ConnectorError) as raised:
        call("get_object", {"object_key": "large", "max_bytes": 100})

    assert raised.value.code == "reply_too_large"


def test_a_bucket_that_does_not_exist_is_said(call):
    for action, params in (("put_object", {"content": "x"}), ("delete_object", {}), ("get_object", {})):
        with pytest.raises(ConnectorError) as raised:
            call(action, {"bucket": "nothing-here", "object_key": "a", **params})
        assert raised.value.code == "s3_NoSuchBucket"


@pytest.fixture
def answers():
    """A server that answers from a list."""
    with standing_in(lambda request: Answer(200, b"", {"ETag": '"e"'})) as server:
        yield server


def put_once(server, **context):
    params = {
        **KEYS,
        "endpoint": server.url,
        "bucket": "reports",
        "object_key": "k",
        "content": "x",
        "overwrite": False,
    }
    return S3Adapter(FixedClock()).execute("put_object", params, context_of(server, **context))


def test_without_overwrite_only_our_own_object_counts_as_written(answers):
    answers.mishaps[:] = [Answer(412), Answer(200, b"", {"x-amz-meta-automate-key": "mine", "ETag": '"e"'})]
    assert put_once(answers, idempotency_key="mine")["etag"] == "e"
    answers.mishaps[:] = [Answer(412), Answer(200, b"", {"x-amz-meta-automate-key": "another"})]
    with pytest.raises(ConnectorError) as raised:
        put_once(answers, idempotency_key="mine")

    assert (raised.value.code, raised.value.retryable) == ("s3_412", False)
    assert answers.received[0].headers["if-none-match"] == "*"
    assert answers.routes == ["PUT /reports/k", "HEAD /reports/k"] * 2


@pytest.mark.parametrize(
    ("answer", "code", "retryable"),
    [
        (Answer(503, b"<Error><Code>SlowDown</Code><Message>a &amp; b</Message></Error>"), "s3_SlowDown", True),
        (Answer(400, b"<Error><Code>RequestTimeout</Code></Error>"), "s3_RequestTimeout", True),
        (Answer(403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>"), "s3_SignatureDoesNotMatch", False),
        (Answer(500, b"<Error><Code>InternalError</Code></Error>"), "s3_InternalError", True),
        (Answer(301, b""), "s3_301", False),
        (Answer(hangs_up=True), "connection_lost", True),
    ],
)
def test_what_the_answers_mean(answers, answer, code, retryable):
    answers.mishaps[:] = [answer] * (2 if answer.hangs_up else 1)  # the client itself tries a PUT again
    with pytest.raises(ConnectorError) as raised:
        put_once(answers)

    assert (raised.value.code, raised.value.retryable, raised.value.in_doubt) == (code, retryable, False)


@pytest.mark.parametrize(
    "params",
    [
        {"object_key": "a/../b", "content": "x"},
        {"object_key": "", "content": "x"},
        {"object_key": "a"},
        {"object_key": "a", "content": "x", "json": 1},
        {"object_key": "a", "content_base64": "?"},
        {"object_key": "a", "content": "x", "bucket": "a/b"},
        {"object_key": "a", "content": "x", "endpoint": "https://x.example/path?"},
        {"object_key": "a", "content": "x", "metadata": {"a": 1}},
        {"object_key": "a", "content": "x", "region": "eu/../x"},
    ],
)
def test_wrong_parameters_send_nothing(answers, params):
    with pytest.raises(ConnectorError) as raised:
        S3Adapter().execute(
            "put_object", {**KEYS, "endpoint": answers.url, "bucket": "reports", **params}, context_of(answers)
        )

    assert raised.value.code == "invalid_params"
    assert answers.received == []


@pytest.mark.parametrize(
    ("params", "host"),
    [
        ({"bucket": "reports"}, "reports.s3.eu-central-1.amazonaws.com"),
        ({"bucket": "a.b"}, "s3.eu-central-1.amazonaws.com"),
    ],
)
def test_amazons_own_hosts_are_called_by_the_bucket(params, host):
    given = {**KEYS, "region": "eu-central-1", "object_key": "k", **params}
    with pytest.raises(ConnectorError) as raised:
        S3Adapter().execute("get_object", given, {"egress": EgressPolicy(host_allowlist=("nothing.example",))})

    assert raised.value.details["host"] == host


class TestS3Contract(ConnectorContractTest):
    adapter_cls = S3Adapter
    configs: ClassVar = [{**KEYS, "bucket": "reports"}]
    bad_configs: ClassVar = [{}, {**KEYS, "bucket": "UPPER"}, {**KEYS, "bucket": "reports", "endpoint": "x"}]

    @pytest.fixture(autouse=True)
    def _moto(self, moto, bucket):
        self.policy = moto[1]
        base = {**KEYS, "endpoint": moto[0], "bucket": "reports", "object_key": "contract"}
        self.calls = {"put_object": {**base, "content": "x"}, "get_object": base, "delete_object": base}
        self.failing_calls = {"get_object": {**base, "secret_access_key": CANARY, "bucket": "nothing-here"}}
        with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts by itself, never answers
            port = silent.getsockname()[1]
            self.policy = EgressPolicy(private_targets=(*self.policy.private_targets, f"127.0.0.1:{port}"))
            self.slow_calls = {"get_object": {**base, "endpoint": f"http://127.0.0.1:{port}"}}
            yield

    def make_context(self, **changes: Any) -> dict[str, Any]:
        return super().make_context(**{"egress": self.policy} | changes)


def test_a_connection_is_tested_without_touching_an_object(moto, bucket):
    url, policy = moto
    here = {**KEYS, "endpoint": url, "bucket": "reports"}
    context = context_of(None, egress=policy)

    assert S3Adapter().test(here, context) == "The bucket reports is there, and the keys may list it."
    with pytest.raises(ConnectorError) as refused:
        S3Adapter().test({**here, "bucket": "nowhere"}, context)
    assert refused.value.details["status"] == 404
