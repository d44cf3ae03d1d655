"""Asks forcecred, and caches its answers in memory."""

from __future__ import annotations

import datetime
import threading
import time
from typing import Any, Mapping, Optional

from ._credential import Credential, ForcecredError
from ._run import run

_TIMEOUT = 180.0  # seconds; longer than forcecred waits for Salesforce, and for another refresh
_MAX_DROPS = 3  # rejected tokens that are replaced within a minute; a user who is refused whatever the token is would cause a refresh each time
_CACHE_MARGIN = 60  # seconds that an answer stays good in the cache, beyond what the caller wants


class Client:
    """Asks forcecred. Calls for the same token, in any threads, share one request.

    path is the binary, or a name on PATH. env is its environment, or None for that of this
    process. timeout is in seconds, for one request.
    """

    def __init__(self, path: str = "forcecred", *, env: Optional[Mapping[str, str]] = None, timeout: float = _TIMEOUT) -> None:
        self._path = path
        self._env = env
        self._timeout = timeout
        self._lock = threading.Lock()
        self._tokens: dict[tuple[str, Optional[str]], _Token] = {}

    def get(self, org: str, *, min_ttl: int = 60, rejected_token: Optional[str] = None, api: Optional[str] = None) -> Credential:
        """Is the function get of this module."""
        token = self._token(org, api)
        if rejected_token:
            token.reject(rejected_token)
        request: dict[str, Any] = {"version": 1, "org": org, "min_ttl": min_ttl + _CACHE_MARGIN}
        if api:
            request["for"] = api
        return token.get(min_ttl, request, self)

    def reject(self, org: str, access_token: str, *, api: Optional[str] = None) -> None:
        """Says that the org has rejected a token. The next get returns another one."""
        self._token(org, api).reject(access_token)

    def _token(self, org: str, api: Optional[str]) -> _Token:
        with self._lock:
            return self._tokens.setdefault((org, api), _Token())

    def _ask(self, request: Mapping[str, Any]) -> Credential:
        return run(request, self._path, self._env, self._timeout)


class _Request:
    """A request to forcecred, and its result for all threads that wait."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.credential: Optional[Credential] = None
        self.error: Optional[BaseException] = None

    def result(self) -> Credential:
        self.done.wait()
        if self.credential is not None:
            return self.credential
        if isinstance(self.error, ForcecredError):
            e = self.error
            raise ForcecredError(e.args[0], code=e.code, hint=e.hint, org=e.org, retryable=e.retryable, salesforce=e.salesforce) from e
        raise RuntimeError("the thread that asked forcecred was interrupted") from self.error


class _Token:
    """The cached token of an org, and the requests for another one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._credential: Optional[Credential] = None
        self._received = 0.0
        self._rejected: Optional[str] = None  # what the org rejected, until an answer replaces it
        self._drops: list[float] = []  # when a rejected token was dropped, for the last minute
        self._requests: dict[int, _Request] = {}  # by min_ttl

    def reject(self, rejected: str) -> None:
        """Drops a rejected token. If another one is cached or being got, the caller is late.

        Answers to earlier requests are not cached: they may hold the rejected token. After
        _MAX_DROPS within a minute the token stays.
        """
        with self._lock:
            if self._rejected or (self._credential and self._credential.access_token != rejected):
                return
            now = time.monotonic()
            self._drops = [at for at in self._drops if now - at < 60]
            if len(self._drops) == _MAX_DROPS and self._credential:
                return
            self._drops.append(now)
            self._credential, self._rejected, self._requests = None, rejected, {}

    def get(self, min_ttl: int, request: dict[str, Any], client: Client) -> Credential:
        with self._lock:
            if self._credential and self._is_good(self._credential.expires_at, min_ttl):
                return self._credential
            running = self._requests.get(min_ttl)
            if running is None:
                mine = self._requests[min_ttl] = _Request()
                if self._rejected:
                    request["rejected_token"] = self._rejected
        if running is not None:
            return running.result()
        try:
            credential = client._ask(request)
        except BaseException as e:
            self._finish(min_ttl, mine, None, e)
            raise
        self._finish(min_ttl, mine, credential, None)
        return credential

    def _is_good(self, expires_at: datetime.datetime, min_ttl: int) -> bool:
        """Reports whether it lives for min_ttl, or for half of a shorter session."""
        expires = expires_at.timestamp()
        lifetime = expires - self._received
        return time.time() < expires - (min_ttl if lifetime >= min_ttl else lifetime / 2)

    def _finish(self, min_ttl: int, mine: _Request, credential: Optional[Credential], error: Optional[BaseException]) -> None:
        with self._lock:
            if self._requests.get(min_ttl) is mine:
                del self._requests[min_ttl]
                if credential is not None:
                    self._credential, self._received, self._rejected = credential, time.time(), None
        mine.credential, mine.error = credential, error
        mine.done.set()


shared = Client()
