"""Gets access tokens of Salesforce orgs from forcecred."""

from __future__ import annotations

from typing import Optional

from ._client import Client, shared
from ._credential import Credential, ForcecredError
from ._http import Auth, opener

__all__ = ["Auth", "Client", "Credential", "ForcecredError", "get", "opener"]


def get(org: str, *, min_ttl: int = 60, rejected_token: Optional[str] = None, api: Optional[str] = None) -> Credential:
    """Returns an access token of an org that is good for min_ttl seconds or more.

    If the org's sessions are shorter than that, it is good for at least half a session.
    rejected_token is the access token that the org has just rejected with 401. api is
    "data-cloud", or None for the org's own. Raises ForcecredError.
    """
    return shared.get(org, min_ttl=min_ttl, rejected_token=rejected_token, api=api)
