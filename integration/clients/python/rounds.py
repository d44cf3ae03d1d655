"""Queries the org in rounds of fifty calls at once, with the standard library or, with the
argument "requests", with requests. Before each round but the first, the test ends the
org's sessions."""

import json
import os
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import forcecred

client = forcecred.Client(os.environ["TEST_FORCECRED"])
instance = client.get("prod").instance_url
query = instance + "/services/data/v66.0/query?q=SELECT+Id+FROM+Organization"

if sys.argv[1] == "requests":
    import requests

    session = requests.Session()
    session.auth = forcecred.Auth("prod", client=client)

    def fetch(url, data=None):
        response = session.request("POST" if data else "GET", url, data=data, headers={"Content-Type": "application/json"})
        return response.status_code, response.json()

else:
    opener = forcecred.opener("prod", client=client)

    def fetch(url, data=None):
        with opener.open(urllib.request.Request(url, data, {"Content-Type": "application/json"})) as response:
            return response.status, json.load(response)


def call(i):
    if i % 2:
        status, _ = fetch(instance + "/services/data/v66.0/composite", b"{}")
    else:
        status, answer = fetch(query)
        assert answer["totalSize"] == 1, answer
    assert status == 200, status


def done(what):
    print(what, flush=True)
    sys.stdin.readline()


with ThreadPoolExecutor(50) as pool:
    for what in "first", "after the end of the session", "after another":
        list(pool.map(call, range(50)))
        done(what)

assert fetch(instance + "/services/data/")[0] == 200
done("redirect")


def failure(client, org):
    try:
        client.get(org)
    except forcecred.ForcecredError as e:
        return e
    raise AssertionError("no error")


nosuch = failure(client, "nosuch")
assert (nosuch.code, nosuch.org, nosuch.retryable) == ("org_not_found", "nosuch", False) and nosuch.hint, nosuch
assert failure(forcecred.Client("forcecred-nosuch"), "prod").code == "command_not_found"
late = failure(forcecred.Client(os.environ["TEST_FORCECRED"], timeout=0), "prod")
assert (late.code, late.retryable) == ("temporarily_unavailable", True), late
credential = client.get("prod")
assert credential.access_token not in repr(credential)
assert credential.simple_salesforce == {"session_id": credential.access_token, "instance_url": instance}
done("errors")

client = forcecred.Client(os.environ["TEST_FORCECRED"])
if sys.argv[1] == "requests":
    session.auth = forcecred.Auth("prod", client=client)
else:
    opener = forcecred.opener("prod", client=client)
for _ in range(20):
    try:
        status, _ = fetch(instance + "/services/data/v66.0/refused")
    except urllib.error.HTTPError as e:
        status = e.code
    assert status == 401, status
done("a resource that rejects each token")
