"""Rights: moto judges policies, yet reads their conditions as if none were ever met, and then denies even what is allowed.

Here an Allow holds whatever its conditions, a Deny only without: `tests/infra/rights.py` reads the conditions.
"""

from __future__ import annotations

from typing import Any

from moto.iam.access_control import IAMPolicyStatement, PermissionResult

from tests.infra.cloud.mend import mend, plain


def _judge(self: Any, *arguments: Any, **keywords: Any) -> Any:
    statement = dict(self._statement)
    if statement.pop("Condition", None) is None:
        return _PLAIN(self, *arguments, **keywords)
    if statement["Effect"] == "Deny":
        return PermissionResult.NEUTRAL
    return _PLAIN(IAMPolicyStatement(statement), *arguments, **keywords)


_PLAIN = plain(IAMPolicyStatement, "is_action_permitted")


def teach() -> None:
    """Mend moto."""
    mend(IAMPolicyStatement, is_action_permitted=_judge)
