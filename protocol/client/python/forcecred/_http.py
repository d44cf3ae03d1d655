"""Adds the org's token to HTTP requests, of requests and of urllib."""

from __future__ import annotations

import urllib.request
from typing import Any, Optional
from urllib.parse import urlsplit

from ._client import Client, shared
from ._credential import Credential


def is_at(url: str, instance_url: str) -> bool:
    """Reports whether a URL has the scheme, host and port of instance_url, and is https."""
    try:
        origins = [(u.scheme, u.hostname, u.port or 443) for u in (urlsplit(url), urlsplit(instance_url))]
    except ValueError:
        return False
    return origins[0] == origins[1] and origins[0][0] == "https" and "\\" not in url and "@" not in urlsplit(url).netloc


class Auth:
    """The auth of requests: requests.get(url, auth=forcecred.Auth("prod")).

    It adds the org's token to requests to the host of the org's instance_url, and to no
    other. After a 401, it gets another token and sends the request once more, unless its
    body is a stream.
    """

    def __init__(self, org: str, *, min_ttl: int = 60, api: Optional[str] = None, client: Client = shared) -> None:
        self._org, self._min_ttl, self._api, self._client = org, min_ttl, api, client

    def _get(self, rejected_token: Optional[str] = None) -> Credential:
        return self._client.get(self._org, min_ttl=self._min_ttl, rejected_token=rejected_token, api=self._api)

    def __call__(self, request: Any) -> Any:
        credential = self._get()
        if is_at(request.url, credential.instance_url):
            request.headers["Authorization"] = "Bearer " + credential.access_token
            request.register_hook("response", lambda response, **kwargs: self._retry(credential, response, **kwargs))
        return request

    def _retry(self, sent: Credential, response: Any, **kwargs: Any) -> Any:
        request = response.request
        if response.status_code != 401 or request.headers.get("Authorization") != "Bearer " + sent.access_token:
            return response
        if request.body is not None and not isinstance(request.body, (str, bytes)):
            self._client.reject(self._org, sent.access_token, api=self._api)
            return response
        fresh = self._get(sent.access_token)
        if fresh.access_token == sent.access_token or not is_at(request.url, fresh.instance_url):
            return response
        response.content  # reads it, so that the connection can be used again
        response.close()
        again = request.copy()
        again.headers["Authorization"] = "Bearer " + fresh.access_token
        result = response.connection.send(again, **kwargs)
        result.history.append(response)
        result.request = again
        return result


class _Handler(urllib.request.BaseHandler):
    handler_order = 400  # before the handlers that raise an error for a 401

    def __init__(self, auth: Auth) -> None:
        self._auth = auth

    def https_request(self, request: urllib.request.Request) -> urllib.request.Request:
        credential = self._auth._get()
        if is_at(request.full_url, credential.instance_url):
            # urllib copies ordinary headers to where a redirect leads.
            request.add_unredirected_header("Authorization", "Bearer " + credential.access_token)
        return request

    def http_error_401(self, request: urllib.request.Request, response: Any, *_: Any) -> Any:
        sent = (request.get_header("Authorization") or "").partition(" ")[2]
        if not sent or getattr(request, "_forcecred_retried", False) or not is_at(request.full_url, self._auth._get().instance_url):
            return None
        if request.data is not None and not isinstance(request.data, bytes):
            self._auth._client.reject(self._auth._org, sent, api=self._auth._api)
            return None
        if self._auth._get(sent).access_token == sent:
            return None
        response.read()
        response.close()
        request._forcecred_retried = True  # type: ignore[attr-defined]
        try:
            return self.parent.open(request, timeout=request.timeout)
        finally:
            del request._forcecred_retried  # type: ignore[attr-defined]


def opener(org: str, *, min_ttl: int = 60, api: Optional[str] = None, client: Client = shared) -> urllib.request.OpenerDirector:
    """Returns an opener of the standard library that does what Auth does.

    opener("prod").open(url) is urllib.request.urlopen(url) with the org's token.
    """
    return urllib.request.build_opener(_Handler(Auth(org, min_ttl=min_ttl, api=api, client=client)))
