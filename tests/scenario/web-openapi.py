#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""web-openapi.py - openapi.json as programs read it: it is valid, what is answered is what it says, and random requests that are made
from it are answered as it says.

SEED=N makes other requests, RUNS=N more of them."""
import http.client
import json
import os
import random
import re
import shutil
import subprocess
import urllib.parse

from harness import PATIENCE, Skipped, main
from webs import curl, serve

SRC = os.path.abspath(os.environ.get("SRC", "."))
# What would end the server that is asked, or the host; what has no end.
NOT_SENT = ("/events", "plugins", "sessions/{id}", "commands/run")
TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict}


class Api:
    def __init__(self, bp, *words):
        self.port = serve(bp, *words)
        self.text = curl(self.port, "/api/v1/openapi.json")[2]
        self.spec = json.loads(self.text)

    def resolve(self, schema):
        while "$ref" in schema:
            schema = self.spec["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        return schema

    def complaints(self, schema, value, where="answer"):
        """What of the value is not as the schema says."""
        schema = self.resolve(schema)
        if "type" in schema:
            right = isinstance(value, TYPES[schema["type"]]) and (schema["type"] == "boolean" or not isinstance(value, bool))
            if not right:
                return [f"{where}: {value!r:.200} is no {schema['type']}"]
        found = [f"{where}: {name} is missing" for name in schema.get("required", []) if name not in value]
        if isinstance(value, dict):
            for name, part in schema.get("properties", {}).items():
                if name in value and not (value[name] is None and name not in schema.get("required", [])):
                    found += self.complaints(part, value[name], f"{where}.{name}")
        if isinstance(value, list) and "items" in schema:
            for at, part in enumerate(value):
                found += self.complaints(schema["items"], part, f"{where}[{at}]")
        return found

    def operations(self):
        for path, item in self.spec["paths"].items():
            for method, operation in item.items():
                yield path, method, operation

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        connection.request(method.upper(), path, body=body, headers={"Content-Type": "application/json"} if body is not None else {})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, answer.getheader("Content-Type") or "", text

    def check(self, operation, status, kind, text, what):
        """The status is documented, and so is what it says."""
        answers = operation["responses"]
        described = answers.get(str(status)) or answers.get(f"{status // 100}XX")
        assert described, (what, status, text)
        if not described.get("content"):
            assert not text, (what, status, text)
            return
        kind = kind.split(";")[0]
        assert kind in described["content"], (what, status, kind)
        if "json" in kind:
            complaints = self.complaints(described["content"][kind]["schema"], json.loads(text))
            assert not complaints, (what, status, complaints[:5])


def test_valid(bp):
    api = Api(bp)
    ids = [operation["operationId"] for _, _, operation in api.operations()]
    assert len(set(ids)) == len(ids) > 40, ids
    assert api.spec["security"][0] == {} and set(api.spec["components"]["securitySchemes"]) == {"bearer", "basic"}
    for path, _, operation in api.operations():
        assert ("{id}" in path) == any(one["name"] == "id" and one["in"] == "path" for one in operation["parameters"]), path
        assert any(status.startswith("2") for status in operation["responses"]), path
    bp.run("module close web-server")
    port = serve(bp, "token=secret")
    secured = json.loads(curl(port, "/api/v1/openapi.json", "-H", "Authorization: Bearer secret")[2])
    assert secured["security"] == [{"bearer": []}, {"basic": []}]


def test_redocly(bp):
    """The recommended rules of a linter that others use."""
    redocly = shutil.which("redocly", path=SRC + "/tests/web/node_modules/.bin:" + os.environ["PATH"])
    if not redocly:
        raise Skipped("there is no redocly; npm install @redocly/cli")
    with open(bp.folder + "/openapi.json", "wb") as file:
        file.write(Api(bp).text)
    done = subprocess.run([redocly, "lint", "--extends=recommended", "openapi.json"], cwd=bp.folder, text=True, capture_output=True, check=False,
                          env=dict(os.environ, REDOCLY_TELEMETRY="off", REDOCLY_SUPPRESS_UPDATE_NOTICE="true"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_answers(bp):
    """Each list, and each object of it by its id."""
    bp.run("module open TCPServer lab port=0")
    api = Api(bp)
    count = 0
    for path, method, operation in api.operations():
        if method != "get" or any(one["required"] for one in operation["parameters"]):
            continue
        status, kind, text = api.ask(method, path)
        assert status == 200, (path, text)
        api.check(operation, status, kind, text, path)
        one = api.spec["paths"].get(path + "/{id}", {}).get("get")
        value = json.loads(text)
        for row in (value if isinstance(value, list) else [value])[:10] if one else []:
            status, kind, text = api.ask("get", f"{path}/{urllib.parse.quote(str(row['id']), safe='')}")
            assert status == 200, (path, row, text)
            api.check(one, status, kind, text, path)
            count += 1
    assert count > 20, count


# --- requests at random ---

def any_text(dice):
    return dice.choice(["", "a", "console", "lab", "a/b", "*", "/", "ü€😀", "x" * 300, "%", "a b\tc", "-1", "\u202e", "..", "null"])


def any_value(dice, api, schema, depth=0):
    """Mostly as the schema says."""
    schema = api.resolve(schema)
    if dice.random() < 0.1 or depth > 4:
        return dice.choice([None, True, -1, 1e300, 2**63, "", [], {}, [None], {"": 0}, any_text(dice)])
    if "anyOf" in schema:
        return any_value(dice, api, dice.choice(schema["anyOf"]), depth + 1)
    if "enum" in schema:
        return dice.choice(schema["enum"])
    kind = schema.get("type", "string")
    if kind == "object":
        required = schema.get("required", [])
        return {name: any_value(dice, api, part, depth + 1) for name, part in schema.get("properties", {}).items()
                if (name in required and dice.random() < 0.95) or dice.random() < 0.3}
    if kind == "array":
        return [any_value(dice, api, schema.get("items", {}), depth + 1) for _ in range(dice.randrange(3))]
    if kind in ("integer", "number"):
        return dice.choice([0, 1, -1, 7, 65535, 65536, 1e9, schema.get("minimum", 0), schema.get("maximum", 1)])
    return dice.random() < 0.5 if kind == "boolean" else any_text(dice)


def any_request(dice, api, path, operation):
    query = []
    for one in operation["parameters"]:
        value = any_value(dice, api, one["schema"])
        if one["in"] == "path":
            path = path.replace("{id}", urllib.parse.quote(str(value), safe="/" if dice.random() < 0.5 else ""))
        elif one["in"] == "query" and (one["required"] or dice.random() < 0.5):
            query.append((one["name"], value))
    if query:
        path += "?" + urllib.parse.urlencode(query)
    body = operation.get("requestBody")
    if not body or (not body["required"] and dice.random() < 0.2):
        return path, None
    text = json.dumps(any_value(dice, api, body["content"]["application/json"]["schema"]))
    return path, text[:dice.randrange(len(text) + 1)] if dice.random() < 0.05 else text


def test_random_requests(bp):
    """None is answered otherwise than it says, or with an error of the host's own."""
    api = Api(bp)
    dice = random.Random(int(os.environ.get("SEED", "1")))
    operations = [one for one in api.operations() if one[1] in ("get", "put") or not any(part in one[0] for part in NOT_SENT)]
    # Only what opens nothing: others' ports and devices are not ours.
    operations = [one for one in operations if "/events" not in one[0] and not one[0].endswith("/instances")]
    assert len(operations) > 30, len(operations)
    for _ in range(int(os.environ.get("RUNS", "10"))):
        for path, method, operation in operations:
            target, body = any_request(dice, api, path, operation)
            status, kind, text = api.ask(method, target, body)
            assert status < 500 or status == 503, (method, target, body, text)
            if re.fullmatch(re.escape(path).replace(r"\{id\}", "[^/?]+") + r"(\?.*)?", target):  # else the id names another path
                api.check(operation, status, kind, text, (method, target, body))
    assert curl(api.port, "/healthz")[0] == 200
    bp.run("plugin unload board")  # the charts that were asked for, and their stores


main("web-openapi", globals())
