"""Requests made of the contract's own examples: good ones, and bad ones that differ from a good one in one thing.

Knows the contract; must not know the daemon's routes. What a request needs that no example tells is the caller's to say.
"""
import copy
import json
from urllib.parse import quote, urlencode

from contract import deref

NEW = "walk"  # a name that nothing has


class Request:
    def __init__(self, op, path, query=None, headers=None, body=None, media_type=None):
        self.op, self.path, self.query, self.headers = op, path, query or {}, headers or {}
        self.body, self.media_type = body, media_type

    def but(self, path=None, query=None, headers=None, body=None, media_type=None):
        """The same, but for what is given. path: some of its values."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        return Request(self.op, {**self.path, **(path or {})}, {**self.query, **(query or {})}, {**self.headers, **(headers or {})},
                       self.body if data is None else data, media_type or self.media_type)

    @property
    def target(self):
        path = self.op.path.format_map({k: quote(str(v), safe="") for k, v in self.path.items()})
        return path + ("?" + urlencode(self.query) if self.query else "")

    @property
    def document(self):
        return json.loads(self.body)

    def fields(self, key):
        """All header fields, for a request that is written by hand."""
        out = {"Authorization": f"Bearer {key}", **self.headers}
        return {**out, "Content-Type": self.media_type} if self.media_type else out

    def send(self, client, method=None):
        return client.send(method or self.op.method, self.target, self.body, self.media_type, self.headers)

    def __str__(self):
        return f"{self.op.id}: {self.op.method} {self.target}"


class Examples:
    """The good requests of a contract. `known` holds what replies have told: values of parameters by their names."""

    def __init__(self, contract):
        self.contract, self.known = contract, {}

    def learn(self, reply):
        """What a POST has made: ids in its reply are values of the path parameters of that name."""
        if 200 <= reply.status < 300 and reply.headers.get("Content-Type") == "application/json":
            names = {name: p for op in self.contract.operations for name, p in op.named("path").items()}
            self.known.update({k: v for k, v in json.loads(reply.data).items() if k in names and isinstance(v, str)
                               and not self.contract.text_faults(names[k]["schema"], v)})

    def path(self, op):
        return {name: self.known.get(name, self.value(p)) for name, p in op.named("path").items()}

    def value(self, parameter):
        schema = deref(self.contract.doc, parameter["schema"])
        named = [x["value"] for x in parameter.get("examples", {}).values()]
        choices = [parameter.get("example"), *named, *schema.get("examples", []), *schema.get("enum", []), schema.get("default")]
        return next((x for x in choices if x is not None), NEW)

    def bodies(self, op):
        """(media type, bytes) of each example of an operation's body. One in JSON without any is made of the NDJSON's lines."""
        out, lines = [], None
        for media_type, media in (op.body["content"] if op.body else {}).items():
            values = [deref(self.contract.doc, x)["value"] for x in media.get("examples", {}).values()]
            values += [media["example"]] if "example" in media else []
            out += [(media_type, v.encode() if isinstance(v, str) else json.dumps(v, ensure_ascii=False).encode()) for v in values]
            if media_type == "application/x-ndjson" and values:
                lines = values[0].splitlines()
        if lines and op.body and "application/json" in op.body["content"] and not any(t == "application/json" for t, _ in out):
            out.append(("application/json", f"[{','.join(lines)}]".encode()))
        return out

    def good(self, op, **parts):
        """A request that is taken, with the first JSON example, one object before an array, else with what there is."""
        bodies = sorted(self.bodies(op), key=lambda x: (x[0] != "application/json", x[1][:1] != b"{"))
        media_type, body = bodies[0] if bodies else (None, None)
        return self.request(op, body, media_type).but(**parts)

    def all_good(self, op):
        return [self.request(op, body, media_type) for media_type, body in self.bodies(op) or [(None, None)]]

    def request(self, op, body, media_type):
        """With the parameters that it must have."""
        query, headers = ({name: self.value(p) for name, p in op.named(place).items() if p.get("required")}
                          for place in ("query", "header"))
        return Request(op, self.path(op), query, headers, body, media_type)

    # --- parameters ------------------------------------------------------------------------------------------------------

    def good_queries(self, op):
        """Each value that a parameter's schema names, with the examples of the others: they may belong together."""
        known = op.named("query")
        examples = {name: p["example"] for name, p in known.items() if "example" in p}
        for name, p in known.items():
            schema = deref(self.contract.doc, p["schema"])
            bounds = [schema[x] for x in ("minimum", "maximum") if x in schema]
            values = [p.get("example"), schema.get("default"), *schema.get("enum", []), *schema.get("examples", []), *bounds]
            values = ["true", "false"] if schema.get("type") == "boolean" else [x for x in values if x is not None]
            yield from ({**examples, name: value} for value in dict.fromkeys(values))

    def bad_parameters(self, op):
        """Values that the parameter's schema refuses."""
        for name, p in op.named("query").items():
            schema = deref(self.contract.doc, p["schema"])
            values = ["", "!", "-1", "x" * 300, "99999999999999999999"]
            values += [schema["minimum"] - 1] if "minimum" in schema else []
            values += [schema["maximum"] + 1] if "maximum" in schema else []
            yield from ((name, v) for v in values if self.contract.text_faults(p["schema"], str(v)))

    # --- bodies ----------------------------------------------------------------------------------------------------------

    def bad_documents(self, request):
        """What a good document becomes with a member too many, one too few, or one of another type, in each of its objects
        and in the first of each list: (what, document)."""
        document = request.document
        schema = self.contract.validator(request.op.body["content"][request.media_type]["schema"], False)
        for path, node in places(document):
            where = "/" + "/".join(map(str, path))
            if isinstance(node, dict):
                yield f"{where}: an unknown member", changed(document, path, {**node, "walked": 1})
                for name in node:
                    less = changed(document, path, {k: v for k, v in node.items() if k != name})
                    if not schema.is_valid(less):
                        yield f"{where}: no {name}", less
            if path and not (isinstance(document, list) and len(path) == 1):
                yield f"{where} of another type", changed(document, path, WRONG)


WRONG = {"walked": [1.5]}  # of no type that any member has


def places(node, path=()):
    """Every value of a document with its path; of a list the first item only."""
    yield path, node
    members = node.items() if isinstance(node, dict) else enumerate(node[:1]) if isinstance(node, list) else ()
    for name, value in members:
        yield from places(value, (*path, name))


def changed(document, path, value):
    """The document with another value at a place."""
    if not path:
        return value
    out = copy.copy(document)
    out[path[0]] = changed(document[path[0]], path[1:], value)
    return out
