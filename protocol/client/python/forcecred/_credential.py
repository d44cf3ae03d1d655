"""What forcecred answers: a credential or an error."""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass, field
from typing import Any, Mapping, Optional


@dataclass(frozen=True)
class Credential:
    """An access token of an org. Its repr shows no token."""

    org: str
    access_token: str = field(repr=False)
    instance_url: str  # where the token is for: an https URL without a path
    expires_at: datetime.datetime  # by this machine's clock
    answer: Mapping[str, Any] = field(repr=False, compare=False)  # all members of forcecred's answer

    @property
    def session_id(self) -> str:
        """The access token, under the name that simple-salesforce has for it."""
        return self.access_token

    @property
    def simple_salesforce(self) -> dict[str, str]:
        """The arguments of simple-salesforce: Salesforce(**credential.simple_salesforce)."""
        return {"session_id": self.access_token, "instance_url": self.instance_url}


class ForcecredError(Exception):
    """A failure, with forcecred's code and hint. No attribute holds a secret."""

    def __init__(
        self,
        message: str,
        *,
        code: str,
        hint: str = "",
        org: str = "",
        retryable: bool = False,
        salesforce: Optional[Mapping[str, Any]] = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint  # what to do about it, or ""
        self.org = org
        self.retryable = retryable  # the same request may succeed in a moment
        self.salesforce = salesforce  # the error that Salesforce sent

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message} ({self.hint})" if self.hint else message


def decode_credential(stdout: bytes) -> Optional[Credential]:
    """Returns the credential, or None if another program printed this."""
    try:
        answer = json.loads(stdout)
        expires = datetime.datetime.fromisoformat(answer["expires_at"].replace("Z", "+00:00"))
        if answer["version"] != 1 or not answer["access_token"] or expires.tzinfo is None:
            return None
        return Credential(str(answer["org"]), str(answer["access_token"]), str(answer["instance_url"]), expires, answer)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def decode_report(stderr: bytes) -> Mapping[str, Any]:
    """Returns the error or the notices on stderr, which may have lines of others."""
    for line in stderr.splitlines():
        try:
            report = json.loads(line)
        except ValueError:
            continue
        if isinstance(report, dict) and report.get("version") == 1 and ("error" in report or "notices" in report):
            return report
    return {}
