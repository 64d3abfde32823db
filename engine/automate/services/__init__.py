"""What changes a workflow: each function is one transaction, is told the time and the actor, and is audited."""

from automate.services.copies import duplicate_workflow
from automate.services.dependents import Dependents, dependents_of
from automate.services.errors import InvalidDraft, InvalidImport
from automate.services.exchange import Imported, export_definition, import_definitions
from automate.services.live import publish_again, set_enabled, unpublish
from automate.services.tags import set_tags
from automate.services.trash import purge_workflow, remove_workflow, restore_workflow
from automate.services.version_diff import VersionDiff, diff, diff_definitions
from automate.services.versions import rollback
from automate.services.workflows import (
    create_workflow,
    publish_version,
    save_draft,
)

__all__ = [
    "Dependents",
    "Imported",
    "InvalidDraft",
    "InvalidImport",
    "VersionDiff",
    "create_workflow",
    "dependents_of",
    "diff",
    "diff_definitions",
    "duplicate_workflow",
    "export_definition",
    "import_definitions",
    "publish_again",
    "publish_version",
    "purge_workflow",
    "remove_workflow",
    "restore_workflow",
    "rollback",
    "save_draft",
    "set_enabled",
    "set_tags",
    "unpublish",
]
