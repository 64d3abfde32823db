"""What changes a workflow: each function is one transaction, is told the time and the actor, and is audited."""

from automate.services.errors import InvalidDraft, InvalidImport
from automate.services.exchange import Imported, export_definition, import_definitions
from automate.services.version_diff import VersionDiff, diff, diff_definitions
from automate.services.versions import rollback
from automate.services.workflows import (
    create_workflow,
    publish_version,
    remove_workflow,
    restore_workflow,
    save_draft,
    set_enabled,
)

__all__ = [
    "Imported",
    "InvalidDraft",
    "InvalidImport",
    "VersionDiff",
    "create_workflow",
    "diff",
    "diff_definitions",
    "export_definition",
    "import_definitions",
    "publish_version",
    "remove_workflow",
    "restore_workflow",
    "rollback",
    "save_draft",
    "set_enabled",
]
