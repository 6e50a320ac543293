"""CloudFormation itself: exports across change sets, failures that stay failures, no resource passed over."""

from __future__ import annotations

import traceback
from typing import Any

from moto.cloudformation import models, parsing
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.responses import ActionResult

from tests.infra.cloud.mend import mend, plain

# Says something about the CDK to AWS, and makes nothing.
NOTHING = "AWS::CDK::Metadata"


def _known(resource_type: str) -> Any:
    """Refuse what moto would pass over with a warning."""
    found = _PLAIN_CLASS(resource_type)
    if found is None and resource_type not in parsing.NULL_MODELS:
        raise ValueError(
            f"{resource_type} is not known to the cloud of this test: add it to tests/infra/cloud"
        )
    return found


def _execute(self: Any, change_set_name: str, stack_name: str | None = None) -> None:
    """Run a change set with the exports of other stacks at hand; make a failure one that the CLI sees."""
    change_set = self.describe_change_set(change_set_name)
    stack = self.stacks[change_set.stack_id]
    stack.resource_map.cross_stack_resources = self.exports
    try:
        _PLAIN_EXECUTE(self, change_set_name, stack_name)
    except Exception as error:  # noqa: BLE001  # whatever it is: answered with 500, the CLI would try again, find nothing left to do and call that a success
        traceback.print_exc()
        stack.status = (
            "ROLLBACK_COMPLETE" if change_set.change_set_type == "CREATE" else "UPDATE_ROLLBACK_COMPLETE"
        )
        stack._add_stack_event(stack.status, resource_status_reason=repr(error))
        change_set.execution_status = "EXECUTE_FAILED"
        return
    stack._parse_template()
    stack.resource_map._template = stack.template_dict
    stack.output_map = stack._create_output_map()
    for export in stack.exports:
        self.exports[export.name] = export


def _delete(self: Any, change_set_name: str) -> None:
    """Delete a change set if it is there: the CLI asks for it before it makes one."""
    if any(change_set_name in (name, each.change_set_name) for name, each in self.change_sets.items()):
        _PLAIN_DELETE(self, change_set_name)


def _protect(self: Any) -> Any:
    """Protect a stack from deletion, or no longer."""
    stack = self.cloudformation_backend.get_stack(self._get_param("StackName"))
    stack.enable_termination_protection = self._get_param("EnableTerminationProtection") in {True, "true"}
    return ActionResult({"StackId": stack.stack_id})


_PLAIN_CLASS = plain(parsing, "resource_class_from_type")
_PLAIN_EXECUTE = plain(models.CloudFormationBackend, "execute_change_set")
_PLAIN_DELETE = plain(models.CloudFormationBackend, "delete_change_set")


def teach() -> None:
    """Mend moto."""
    mend(parsing, NULL_MODELS=[*parsing.NULL_MODELS, NOTHING], resource_class_from_type=_known)
    mend(models.CloudFormationBackend, execute_change_set=_execute, delete_change_set=_delete)
    mend(CloudFormationResponse, update_termination_protection=_protect)
