"""Runs the forcecred binary."""

from __future__ import annotations

import json
import logging
from typing import Any, Mapping, Optional

from ._credential import Credential, ForcecredError, decode_credential, decode_report
from ._process import OutputTooLarge, TookTooLong, run_program

_CODES = {
    2: "usage",
    3: "bad_request",
    4: "org_not_found",
    5: "keystore_unavailable",
    6: "sign_in_again",
    7: "temporarily_unavailable",
    8: "refused",
}

_log = logging.getLogger("forcecred")


def run(request: Mapping[str, Any], path: str, env: Optional[Mapping[str, str]], timeout: float) -> Credential:
    """Runs `forcecred get` with a request on stdin.

    After timeout seconds the process is killed. A refresh that it began goes on in a
    process of its own. What the process prints is never quoted in an error.
    """
    org = str(request["org"])

    def failure(code: str, text: str, hint: str = "") -> ForcecredError:
        message = f'get the access token of "{org}": {text}'
        return ForcecredError(message, code=code, hint=hint, org=org, retryable=code == "temporarily_unavailable")

    try:
        status, stdout, stderr = run_program([path, "get", "--error-format=json"], json.dumps(request).encode(), env, timeout)
    except TookTooLong:
        raise failure("temporarily_unavailable", f"forcecred did not answer within {timeout:g} s") from None
    except OutputTooLarge:
        raise failure("internal", f"the output of {path} is too large", "check that it is the forcecred binary") from None
    except (OSError, ValueError) as e:
        code = "command_not_found" if isinstance(e, FileNotFoundError) else "command_not_runnable"
        raise failure(code, f"run {path}: {e}", "install forcecred on PATH, or set the path of the binary") from e
    report = decode_report(stderr)
    if status != 0:
        error = report.get("error")
        if isinstance(error, dict) and "code" in error:
            known = {name: error[name] for name in ("code", "hint", "org", "retryable", "salesforce") if name in error}
            raise ForcecredError(str(error.get("message", "")), **known)
        raise failure(_CODES.get(status, "internal"), f"{path} ended with status {status}")
    credential = decode_credential(stdout)
    if credential is None:
        raise failure("internal", f"{path} printed no answer of forcecred", "check that it is the forcecred binary")
    for notice in report.get("notices", []):
        _log.warning("%s", notice)
    return credential
