"""What mypy checks: the types of the package, as a program uses them."""

import datetime
from typing import Optional

import forcecred


def use() -> Optional[str]:
    credential: forcecred.Credential = forcecred.get("prod", min_ttl=300)
    expires: datetime.datetime = credential.expires_at
    with forcecred.opener("prod").open(credential.instance_url + "/services/data/") as response:
        response.read()
    auth = forcecred.Auth("prod", api="data-cloud", client=forcecred.Client("/opt/forcecred", timeout=10))
    try:
        token: str = forcecred.Client().get("prod").session_id
    except forcecred.ForcecredError as e:
        return e.hint if e.code == "sign_in_again" and not e.retryable else None
    forcecred.get(1)  # type: ignore[arg-type]
    return f"{expires} {auth} {token}"
