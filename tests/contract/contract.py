"""The contract as a judge of exchanges: what api/openapi.yaml says of a request and its reply, and whether they are so.

Knows HTTP and OpenAPI; must not know the daemon, its routes or its tests. One Contract serves a whole process and all its
threads. A reply is judged strictly: a status, a header, a media type or a member of JSON that the contract does not
describe is a fault. A request is judged only where it was taken (2xx): then the contract may not call it wrong.
"""
import csv
import functools
import gzip
import io
import json
import random
import re
import threading
import zlib
from pathlib import Path
from urllib.parse import parse_qsl, unquote

import jsonschema
import yaml

FILE = Path(__file__).resolve().parents[2] / "api/openapi.yaml"
METHODS = ("get", "put", "post", "patch", "delete")
PROBLEM = "application/problem+json"

# Of a list longer than this only so many items are held against their schema, chosen anew for each reply: the checker takes
# 0.05 to 0.5 ms an item, and the end-to-end tests read lists of a thousand items by the hundred, all written by the same code.
SAMPLE = 20
chance = random.Random()  # its own: the tests' seeds are theirs

# Header fields of HTTP itself, which any reply may have and the contract need not list. All others must be described.
PLAIN = {"date", "connection", "content-length", "content-type", "content-encoding", "content-language", "cache-control", "vary",
         "x-content-type-options", "content-security-policy", "referrer-policy", "strict-transport-security", "accept-encoding"}
CORS = "access-control-"

INSTANT_OUT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z")
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
ANNOTATIONS = {"description", "title", "default", "examples", "example", "discriminator"}

formats_out = jsonschema.FormatChecker(formats=())


@formats_out.checks("date-time")
def is_instant_out(value):
    return not isinstance(value, str) or INSTANT_OUT.fullmatch(value) is not None


@formats_out.checks("date")
def is_date(value):
    return not isinstance(value, str) or DATE.fullmatch(value) is not None


class Operation:
    def __init__(self, doc, path, method, item, node):
        self.id, self.path, self.method, self.node = node["operationId"], path, method.upper(), node
        self.parameters = [deref(doc, p) for p in item.get("parameters", []) + node.get("parameters", [])]
        self.responses = {status: deref(doc, r) for status, r in node["responses"].items()}
        self.statuses = sorted(int(s) for s in self.responses if s != "default")
        self.body = deref(doc, node["requestBody"]) if "requestBody" in node else None
        self.open = node.get("security", doc.get("security")) == []

    def named(self, place):
        return {p["name"]: p for p in self.parameters if p["in"] == place}


def deref(doc, node):
    while isinstance(node, dict) and "$ref" in node:
        target = doc
        for name in node["$ref"].removeprefix("#/").split("/"):
            target = target[name.replace("~1", "/").replace("~0", "~")]
        node = target
    return node


def pairs(members):
    out = dict(members)
    if len(out) != len(members):
        raise ValueError(f"a member is there twice: {sorted(k for k, _ in members)}")
    return out


def no_fraction(text):
    raise ValueError(f"{text} is no whole number")


def parse_json(text):
    """What the contract allows of JSON in replies: no member twice, no number with a fraction."""
    return json.loads(text, object_pairs_hook=pairs if len(text) < 1 << 16 else None, parse_float=no_fraction)


class Contract:
    def __init__(self, file=FILE):
        text = Path(file).read_text(encoding="utf-8")
        self.doc = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        self.operations = [Operation(self.doc, path, method, item, item[method])
                           for path, item in self.doc["paths"].items() for method in METHODS if method in item]
        self.by_id = {op.id: op for op in self.operations}
        # Statuses that any request may get, each with the headers it then has: the default response lists them.
        self.anywhere = deref(self.doc, {"$ref": "#/components/responses/Problem"})
        self.anywhere_statuses = {int(k): names for k, names in self.anywhere.get("x-statuses", {}).items()}
        self.patterns = sorted(((path.count("{"), self.pattern(path), path) for path in self.doc["paths"]), key=lambda x: x[0])
        self.validators, self.inlined, self.lock = {}, {}, threading.RLock()

    @staticmethod
    def pattern(path):
        return re.compile("".join("[^/]+" if part.startswith("{") else re.escape(part)
                                  for part in re.split(r"(\{[^}]*\})", path)) + "$")

    # --- where a request goes --------------------------------------------------------------------------------------------

    @functools.lru_cache(maxsize=4096)
    def path_of(self, raw):
        return next((path for _, pattern, path in self.patterns if pattern.match(raw)), None)

    def find(self, method, target):
        """The operation of a request; None where the path, or this method of it, is not in the contract."""
        path = self.path_of(target.split("?")[0])
        node = self.doc["paths"][path].get({"HEAD": "get"}.get(method, method.lower())) if path else None
        return self.by_id[node["operationId"]] if node else None

    def allowed(self, path):
        """What Allow must say of a path of the contract."""
        methods = {m.upper() for m in METHODS if m in self.doc["paths"][path]}
        return methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())

    # --- schemas ---------------------------------------------------------------------------------------------------------

    def inline(self, node, closed):
        """The schema with what its references lead to in their place (the very object: schemas may hold themselves), which
        the checker follows many times faster. closed: a member that no schema describes is a fault."""
        key = (id(node), closed)
        if key in self.inlined:
            return self.inlined[key]
        out = self.inlined[key] = {}
        rules = {k: v for k, v in node.items() if k not in ANNOTATIONS and not k.startswith("x-")}
        if "$ref" in rules:
            target = deref(self.doc, {"$ref": rules.pop("$ref")})
            if not rules:
                out = self.inlined[key] = self.inline(target, closed)
                return out
            out["allOf"] = [self.inline(target, closed)]
        for name, rule in rules.items():
            if name in ("properties", "patternProperties"):
                out[name] = {k: self.inline(v, closed) for k, v in rule.items()}
            elif name in ("items", "additionalProperties") and isinstance(rule, dict):
                out[name] = self.inline(rule, closed)
            elif name in ("oneOf", "anyOf", "allOf"):
                out.setdefault(name, []).extend(self.inline(v, closed) for v in rule)
            else:
                out[name] = rule
        if closed and "properties" in out:
            out.setdefault("additionalProperties", False)
        return out

    def validator(self, schema, closed):
        key = (id(schema), closed)
        if key not in self.validators:
            with self.lock:
                checker = jsonschema.Draft202012Validator(self.inline(schema, closed), format_checker=formats_out if closed else None)
                self.validators[key] = checker
        return self.validators[key]

    def faults_of(self, schema, value, closed=True):
        """What is wrong with a value, as "pointer: why"."""
        return [f"{'/'.join(map(str, ['', *e.absolute_path])) or '/'}: {explain(e)}"
                for e in self.validator(schema, closed).iter_errors(value)]

    # --- replies ---------------------------------------------------------------------------------------------------------

    def response(self, op, status):
        """The response of a status, None where the contract has none."""
        return op.responses.get(str(status)) or (self.anywhere if status in self.anywhere_statuses else None)

    def judge(self, method, target, request_headers, request_body, status, headers, body):
        """-> (the operation's id or None, what is wrong with the exchange). headers: .items() of names and values."""
        sent = {k.lower(): v for k, v in request_headers.items() if v is not None}
        got = {k.lower(): v for k, v in headers.items()}
        op, path = self.find(method, target), self.path_of(target.split("?")[0])
        if op is None:
            return None, self.judge_elsewhere(method, path, status, got, body)
        response = self.response(op, status)
        if response is None:
            return op.id, [f"the contract has no {status} here"]
        faults = self.judge_headers(response, status, got) + self.judge_body(method, response, status, got, body)
        if 200 <= status < 300 or status == 304:
            faults += self.judge_request(op, target, sent, request_body, got, body)
        return op.id, faults

    def judge_elsewhere(self, method, path, status, got, body):
        """No path of the contract, or a method that it does not have."""
        if path is None and status not in (400, 404, 414, 431, 503):
            return [f"{status} of a path that is not in the contract"]
        allow = {x.strip() for x in got.get("allow", "").split(",")}
        if path is not None and status in (204, 405) and allow != self.allowed(path):
            return [f"Allow: {got.get('allow')}, wanted {sorted(self.allowed(path))}"]
        if method == "OPTIONS" and status == 204:
            return [] if path is not None and not body else ["an answer to OPTIONS of nothing, or with a body"]
        if status not in (400, 404) and status not in self.anywhere_statuses:
            return [f"{status} is not among what any request may get"]
        return self.judge_headers(self.anywhere, status, got) + self.judge_body(method, self.anywhere, status, got, body)

    def judge_headers(self, response, status, got):
        faults = [f"no {x}" for x in self.anywhere_statuses.get(status, []) if response is self.anywhere and x.lower() not in got]
        described = {k.lower(): (k, deref(self.doc, v)) for k, v in response.get("headers", {}).items()}
        for lower, (name, header) in described.items():
            if lower not in got:
                faults += [f"no {name}"] if header.get("required") else []
                continue
            faults += [f"{name}: {x}" for x in self.text_faults(header["schema"], got[lower])]
        faults += [f"{name}: {value} is not described" for name, value in got.items()
                   if name not in described and name not in PLAIN and not name.startswith(CORS)]
        return faults

    def text_faults(self, schema, text):
        """A header's or parameter's value, which is text, held against its schema."""
        types = deref(self.doc, schema).get("type")
        value = int(text) if types == "integer" and re.fullmatch("-?[0-9]+", text) else text
        if types == "boolean":
            value = {"true": True, "false": False}.get(text, text)
        return self.faults_of(schema, value, False)

    def judge_body(self, method, response, status, got, body):
        content = response.get("content")
        if content is None or status in (204, 304):
            return ["a body where none is described"] if body else []
        media_type = got.get("content-type", "")
        media = media_of(content, media_type)
        if media is None:
            return [f"Content-Type \"{media_type}\" is not described, {sorted(content)} are"]
        if method == "HEAD":
            return ["HEAD answered with a body"] if body else []
        try:
            plain = gzip.decompress(body) if got.get("content-encoding") == "gzip" else body
            return self.content_faults(media, media_type.split(";")[0], plain)
        except (ValueError, OSError, EOFError, zlib.error) as e:
            return [f"the body is not {media_type}: {e}"]

    def content_faults(self, media, bare, data):
        text = data.decode("utf-8")
        if bare.endswith("json") and not bare.endswith("ndjson"):
            return self.faults_of(media["schema"], sampled(parse_json(text)))
        if bare.endswith("ndjson"):
            for line in text.splitlines():
                parse_json(line)
        if bare == "text/csv" and len({len(row) for row in csv.reader(io.StringIO(text), strict=True)}) != 1:
            raise ValueError("rows of different lengths, or none")
        return self.faults_of(media["schema"], text) if "schema" in media else []

    # --- requests that were taken ----------------------------------------------------------------------------------------

    def judge_request(self, op, target, sent, body, got, reply_body):
        faults, known = [], op.named("query")
        for name, value in parse_qsl(target.partition("?")[2], keep_blank_values=True):
            faults += [f"{name} was taken, but {x}" for x in
                       (self.text_faults(known[name]["schema"], value) if name in known else ["is no parameter"])]
        raw = re.match(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", op.path) + "$", target.split("?")[0])
        for name, parameter in op.named("path").items():
            faults += [f"{name} was taken, but {x}" for x in self.text_faults(parameter["schema"], unquote(raw[name]))]
        if body and op.body:
            faults += [f"the request was taken, but {x}" for x in self.request_faults(op, sent, body, reply_body)]
        return faults

    def request_faults(self, op, sent, body, reply_body):
        bare = sent.get("content-type", "").split(";")[0].strip().lower()
        media = media_of(op.body["content"], sent.get("content-type", ""))
        if media is None:
            return [f"the contract takes no {bare}"]
        if not bare.endswith("json") or bare.endswith("ndjson") or sent.get("content-encoding", "identity") != "identity":
            return []
        document = json.loads(body)
        if isinstance(document, list) and b'"rejected":0' not in reply_body.replace(b" ", b""):
            return []  # some of its records were refused, the report says which
        return self.faults_of(media["schema"], sampled(document), False)


def media_of(content, media_type):
    """The entry of a media type: with its parameters, else without."""
    whole = re.sub(r"\s*;\s*", "; ", media_type.strip().lower())
    for name, media in content.items():
        if name.lower() in (whole, whole.split(";")[0]):
            return media
    return None


def sampled(document):
    """The document with its long lists cut to a sample, in place."""
    items = document.get("items") if isinstance(document, dict) else document
    if isinstance(items, list) and len(items) > SAMPLE:
        items[:] = chance.sample(items, SAMPLE)
    return document


def explain(error):
    """A fault in words; of several alternatives, that which came nearest."""
    if error.validator in ("oneOf", "anyOf") and error.context:
        nearest = max(error.context, key=lambda e: (len(e.absolute_path), e.validator != "type", e.validator != "const"))
        return f"fits none of {len(error.validator_value)}; nearest: {'/'.join(map(str, nearest.path))} {nearest.message[:300]}"
    return error.message[:300]
