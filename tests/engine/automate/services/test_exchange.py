"""Definitions as files: what is exported can be imported, what was imported need not be again."""

from __future__ import annotations

import json
from copy import deepcopy
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from automate.models import AuditLogEntry, Workflow, WorkflowVersion
from automate.services import InvalidImport, diff, export_definition, import_definitions, rollback
from automate_governance.errors import Conflict
from automate_tenants.context import public_scope
from tests.engine.automate.services.conftest import NOW
from tests.support.definitions import definitions
from tests.support.examples import examples
from tests.support.workspaces import Workspace

pytestmark = pytest.mark.usefixtures("workspace")


def _import(*definitions: Any, **options: Any) -> list[tuple[str, int | None]]:
    documents = [(f"file{index}.json", definition) for index, definition in enumerate(definitions)]
    imported = import_definitions(documents, actor="system", now=NOW, **options)
    return [(item.outcome, item.version_num) for item in imported]


def _everything() -> tuple[Any, ...]:
    tables = (Workflow.objects, WorkflowVersion.objects, AuditLogEntry.objects)
    return tuple(list(table.order_by("pk").values()) for table in tables)


def test_an_import_creates_then_changes_nothing_then_updates(definition: dict[str, Any]) -> None:
    assert _import(definition) == [("created", 1)]
    after_first = _everything()

    assert _import(deepcopy(definition)) == [("unchanged", 1)]
    assert _everything() == after_first

    assert _import({**definition, "rule": None}) == [("updated", 2)]
    assert Workflow.objects.get(slug="order-flow").active_version.version_num == 2  # type: ignore[union-attr]


def test_a_graph_goes_through_a_file_byte_for_byte_and_its_end_belongs_to_the_version(
    definition: dict[str, Any],
) -> None:
    first = {**definition["steps"][0], "needs": [], "on_error": "continue", "foreach": {"items": [1]}}
    end = {"connector": "core", "action": "log", "params": {"message": "x"}, "id": "end"}
    graph = {"deadline_seconds": 60, **definition, "steps": [first, *definition["steps"][1:]], "finally": [end]}
    _import(graph)
    version = WorkflowVersion.objects.get(workflow__slug="order-flow")
    text = export_definition(version)

    assert version.options == {"deadline_seconds": 60, "finally": [end]}
    assert _import(json.loads(text)) == [("unchanged", 1)]
    assert _import({**graph, "deadline_seconds": 61}) == [("updated", 2)]
    later = WorkflowVersion.objects.get(workflow__slug="order-flow", version_num=2)
    assert [change.path for change in diff(version, later).options] == ["/deadline_seconds"]
    back = rollback(workflow_id=version.workflow_id, version_num=1, actor="test", now=NOW)
    assert back.options == version.options


def test_without_publishing_only_the_draft_changes(definition: dict[str, Any]) -> None:
    assert _import(definition, publish=False) == [("created", None)]
    assert _import(definition, publish=False) == [("unchanged", None)]
    assert _import(definition) == [("updated", 1)]
    assert _import({**definition, "rule": None}, publish=False) == [("updated", 1)]


def test_a_renamed_workflow_needs_no_new_version(definition: dict[str, Any]) -> None:
    _import(definition)

    assert _import({**definition, "name": "Orders"}) == [("updated", 1)]
    assert _import({**definition, "name": "Orders"}) == [("unchanged", 1)]
    assert Workflow.objects.get(slug="order-flow").name == "Orders"


def test_a_dry_run_tells_and_writes_nothing(definition: dict[str, Any]) -> None:
    before = _everything()

    assert _import(definition, {**definition, "slug": "other"}, dry_run=True) == [("created", 1), ("created", 1)]
    assert _everything() == before


def test_one_bad_document_keeps_all_out_and_every_problem_is_told(definition: dict[str, Any]) -> None:
    before = _everything()
    bad = {**definition, "slug": "Bad slug", "rule": {"nope": 1}}

    with pytest.raises(InvalidImport) as refused:
        _import({**definition, "slug": "good"}, bad, 5, {**definition, "slug": "good"})

    problems = {source: [p.path for p in found] for source, found in refused.value.problems.items()}
    assert problems == {"file1.json": ["/slug", "/rule"], "file2.json": [""], "file3.json": ["/slug"]}
    assert {error["source"] for error in refused.value.details["errors"]} == set(problems)
    assert _everything() == before


def test_an_export_is_the_same_bytes_after_a_round_trip(definition: dict[str, Any]) -> None:
    definition["note"] = "Why not"
    _import(definition)
    first = export_definition(WorkflowVersion.objects.get(workflow__slug="order-flow"))
    assert json.loads(first) == definition
    assert first.startswith('{\n  "slug": "order-flow",\n  "name": "Order flow",\n  "note"')

    assert _import(json.loads(first)) == [("unchanged", 1)]
    other = json.loads(first.replace("order-flow", "copied-flow"))
    _import(other)

    second = export_definition(WorkflowVersion.objects.get(workflow__slug="copied-flow"))
    assert second.replace("copied-flow", "order-flow") == first


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0{"), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "bb", "Ä", "z"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=plain)
def test_whatever_json_a_step_holds_importing_it_twice_changes_nothing(definition: dict[str, Any], value: Any) -> None:
    definition["steps"][1]["params"] = {"value": value}

    _import(definition)
    version = Workflow.objects.get(slug="order-flow").active_version
    assert version is not None

    assert _import(definition) == [("unchanged", version.version_num)]
    assert _import(json.loads(export_definition(version))) == [("unchanged", version.version_num)]


@settings(max_examples=examples(25), suppress_health_check=list(HealthCheck))
@given(definition=definitions())
def test_every_definition_is_the_same_file_after_it_was_imported_elsewhere(definition: dict[str, Any]) -> None:
    with transaction.atomic():
        _import(definition)
        first = export_definition(WorkflowVersion.objects.get(workflow__slug="order-flow"))
        _import({**json.loads(first), "slug": "copied-flow"})
        second = export_definition(WorkflowVersion.objects.get(workflow__slug="copied-flow"))

        assert second.replace('"copied-flow"', '"order-flow"', 1) == first
        assert _import(json.loads(first)) == [("unchanged", 1)]
        transaction.set_rollback(True)


def _command(path: Path, *options: str) -> str:
    out = StringIO()
    call_command("automate_import", "--file", str(path), *options, stdout=out)
    return out.getvalue()


def test_the_command_loads_a_file_a_list_and_a_folder(definition: dict[str, Any], tmp_path: Path) -> None:
    one, many = tmp_path / "one.json", tmp_path / "deeper" / "many.json"
    many.parent.mkdir()
    one.write_text(json.dumps(definition))
    many.write_text(json.dumps([{**definition, "slug": "second"}, {**definition, "slug": "third"}]))

    assert "order-flow: created, v1" in _command(one)
    assert "order-flow: unchanged, v1" in _command(one)
    told = json.loads(_command(tmp_path, "--json"))["imported"]

    assert [(row["slug"], row["outcome"]) for row in told] == [
        ("second", "created"),
        ("third", "created"),
        ("order-flow", "unchanged"),
    ]


def test_the_command_lists_every_problem_with_its_file_and_place(definition: dict[str, Any], tmp_path: Path) -> None:
    bad, errors = tmp_path / "bad.json", StringIO()
    wrong = [{**definition, "rule": {"nope": 1}}, {**definition, "slug": "x", "steps": []}]
    bad.write_text(json.dumps(wrong, indent=1))
    written = bad.read_text().splitlines()
    rule = written.index('  "rule": {') + 1
    steps = written.index('  "steps": []') + 1
    before = _everything()

    with pytest.raises(CommandError, match="Nothing was imported") as refused:
        call_command("automate_import", "--file", str(bad), stderr=errors)

    assert refused.value.returncode == 1
    lines = errors.getvalue().splitlines()
    assert lines[0].startswith(f'{bad}:{rule}: /rule: Unknown operator "nope"')
    assert lines[1].startswith(f"{bad}:{steps}: /steps: ")
    assert _everything() == before


@pytest.mark.parametrize("content", ["{", '{"slug": 1, "slug": 2}', "[" * 100_000, "\udcff"])
def test_a_file_that_is_no_json_is_said_to_be_none(tmp_path: Path, content: str) -> None:
    path = tmp_path / "broken.json"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))

    with pytest.raises(CommandError, match="not JSON"):
        _command(path)


def test_a_mistake_of_json_is_shown_with_its_line_and_a_caret(tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_text('{\n "slug": "a",\n "name": oops\n}')

    with pytest.raises(CommandError) as refused:
        _command(path)

    assert str(refused.value) == f'{path}:3:10: this is not JSON: Expecting value\n "name": oops\n         ^'


def test_a_missing_file_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as refused:
        _command(tmp_path / "none.json")

    assert refused.value.returncode == 2


def test_the_command_takes_a_tenants_schema(definition: dict[str, Any], tmp_path: Path, tenant_a: Workspace) -> None:
    path = tmp_path / "one.json"
    path.write_text(json.dumps(definition))

    with public_scope():
        assert "order-flow: created" in _command(path, "--schema", tenant_a.ref.schema_name)
        with pytest.raises(CommandError) as unknown:
            _command(path, "--schema", "t_unknown")

    assert unknown.value.returncode == 2
    assert Workflow.objects.filter(slug="order-flow").exists()


def test_drafts_only_and_dry_run(definition: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    path.write_text(json.dumps(definition))

    assert "nothing was written" in _command(path, "--dry-run")
    assert "order-flow: created, draft" in _command(path, "--no-publish")


def test_a_warning_does_not_keep_a_document_out(definition: dict[str, Any]) -> None:
    assert _import({**definition, "rule": {"==": [1, 2]}}) == [("created", 1)]


def _export(*options: str) -> str:
    out = StringIO()
    call_command("automate_export", *options, stdout=out)
    return out.getvalue()


def test_the_export_command_writes_a_file_for_each_live_workflow_and_changes_none_that_is_the_same(
    definition: dict[str, Any], tmp_path: Path
) -> None:
    _import(definition, {**definition, "slug": "second"})
    _import({**definition, "slug": "only-a-draft"}, publish=False)
    folder = tmp_path / "workflows"
    files = {name: folder / f"{name}.json" for name in ("order-flow", "second")}

    assert _export("order-flow", "second", "--folder", str(folder)).count(": written") == 2
    assert {path.name for path in folder.iterdir()} == {file.name for file in files.values()}
    assert "unchanged, v1" in _command(folder)
    assert _export("--folder", str(folder), "--check", "second") == f"{files['second']}: unchanged\n"

    _import({**definition, "rule": None})
    with pytest.raises(CommandError, match="1 of 2 files are not what runs") as differs:
        _export("--folder", str(folder), "--check", "second", "order-flow")
    assert differs.value.returncode == 1
    assert _export("order-flow", "--number", "1") == files["order-flow"].read_text()
    assert json.loads(_export("order-flow"))["rule"] is None


@pytest.mark.parametrize(
    "options",
    [(), ("nothing-of-this-name",), ("a", "b"), ("--folder", "x", "--number", "1"), ("order-flow", "--check")],
)
def test_the_export_command_says_what_it_needs(options: tuple[str, ...]) -> None:
    with pytest.raises(CommandError) as refused:
        _export(*options)

    assert refused.value.returncode == 2


def test_an_import_tells_what_it_changes_and_is_refused_once_that_is_no_longer_so(definition: dict[str, Any]) -> None:
    documents = [("a.json", {**definition, "rule": None, "deadline_seconds": 60})]
    _import(definition)
    how: dict[str, Any] = {"actor": "system", "now": NOW}
    (told,) = import_definitions(documents, dry_run=True, **how)

    assert told.changes is not None
    assert [change.path for change in told.changes.rule] == ["/rule"]
    assert [change.path for change in told.changes.options] == ["/deadline_seconds"]
    _import({**definition, "name": "Somebody else's"})
    before = _everything()
    with pytest.raises(Conflict, match="changed meanwhile"):
        import_definitions(documents, expected={told.slug: told.state}, **how)

    assert _everything() == before
    (again,) = import_definitions(documents, dry_run=True, **how)
    (done,) = import_definitions(documents, expected={again.slug: again.state}, **how)
    assert (done.outcome, done.version_num) == ("updated", 2)
