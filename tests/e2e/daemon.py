"""The real daemon over real sockets: starting and stopping it, its databases, and a client that trusts nothing.

A test program has one embedded PostgreSQL, owned by the first daemon (Cluster); each case takes a fresh database of it
and starts daemons of its own on that (Database.serve). Whatever way a program ends, everything it started is ended: by
the context managers, by atexit, by the signals that end a program, and, where the program itself is killed, by the
kernel, which then sends the daemons SIGTERM.

Every exchange of a Client is held against the contract (tests/contract) at once, and fails its case where it differs.

Beside the standard library: PostgreSQL's psql, and what tests/contract needs.
"""
import atexit
import ctypes
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import quote, urlencode

import tap

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/contract"))
from contract import PROBLEM, Contract
from contract_coverage import Recorder

CONTRACT, SEEN = Contract(), Recorder()
ROUTES = {"repair": "/v1/repair-events", "dispatch": "/v1/ccc-dispatches", "survey": "/v1/survey-responses"}
START_SECONDS = 120
STOP_SECONDS = 120


# --- the world outside -------------------------------------------------------------------------------------------------


def find_psql():
    folders = [os.environ.get("ASSAY_PG_BIN")] + sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
    for folder in folders:
        if folder and os.access(f"{folder}/psql", os.X_OK):
            return f"{folder}/psql"
    return shutil.which("psql")


def die_with_parent():
    """In the child: SIGTERM when the test program is gone (PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


_alive = []  # daemons, in the order they were started
_states = []  # state directories whose PostgreSQL a killed daemon may have left behind
_folders = []


def end_left_server(state):
    """End the PostgreSQL that a killed daemon left behind in `state`: that process and no other."""
    try:
        pid = int((state / "postgres/postmaster.pid").read_text().split("\n")[0])
        if os.path.samefile(f"/proc/{pid}/cwd", state / "postgres"):
            os.kill(pid, signal.SIGQUIT)
            for _ in range(200):
                os.kill(pid, 0)
                time.sleep(0.05)
    except (OSError, ValueError):
        pass


@atexit.register
def end_everything():
    for daemon in reversed(_alive):
        daemon.process.terminate()
    for daemon in reversed(_alive):
        try:
            daemon.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            daemon.process.kill()
    for state in _states:
        end_left_server(state)
    for folder in _folders:
        shutil.rmtree(folder, ignore_errors=True)


def leave(number, frame):
    sys.exit(128 + number)


def new_folder():
    """A folder that the server's own user may enter, with a name short enough for its socket."""
    folder = Path(tempfile.mkdtemp(prefix="assay-e2e-"))
    folder.chmod(0o755)
    _folders.append(folder)
    return folder


# --- the daemon --------------------------------------------------------------------------------------------------------


# A program that daemons run under, with its options (./dev memcheck); nothing otherwise.
UNDER = os.environ.get("ASSAY_UNDER", "").split()


class Daemon:
    """One `assayd serve`. Everything but --listen is the caller's to say."""
    under = UNDER

    def __init__(self, assayd, folder, name, *options, wait=True, env=None):
        self.assayd, self.folder, self.name = assayd, folder, name
        self.log_path = folder / f"{name}.log"
        self.key_path = folder / "admin.key"
        argv = [*self.under, assayd, "serve", "--listen", "127.0.0.1:0", *options]
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent,
                                            env={**os.environ, **(env or {})})
        _alive.append(self)
        self.port = None
        if wait:
            self.wait_ready()

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def tail(self, lines=30):
        return "\n".join(self.log().splitlines()[-lines:])

    def wait_ready(self):
        until = time.monotonic() + START_SECONDS
        while self.port is None:
            found = re.search(r"event=listening message=\"?https?://127\.0\.0\.1:(\d+)", self.log())
            if found:
                self.port = int(found[1])
            elif self.process.poll() is not None:
                _alive.remove(self)
                raise tap.Differ(f"{self.name} ended with {self.process.returncode} while starting:\n{self.tail()}")
            elif time.monotonic() > until:
                raise tap.Differ(f"{self.name} does not listen after {START_SECONDS} s:\n{self.tail()}")
            else:
                time.sleep(0.01)
        return self

    def client(self, **options):
        return Client(self.port, self.key_path.read_text().strip(), **options)

    def see_all(self):
        """From here on it shows what other daemons committed before: it is made to look, for a second may not be over."""
        with self.client() as client:
            reply = client.send("GET", "/v1/providers?limit=1", headers={"Cache-Control": "no-cache"})
            tap.check(reply.status == 200, f"no-cache: {reply!r}")

    def stop(self, check=True):
        """SIGTERM, and wait. check: it must end well and have logged no error of its own, no sanitizer's complaint."""
        if self not in _alive:
            return
        self.process.terminate()
        self.wait_end()
        if check:
            self.check_end()

    def wait_end(self):
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            _alive.remove(self)
            raise tap.Differ(f"{self.name} did not stop within {STOP_SECONDS} s:\n{self.tail()}")
        if self in _alive:
            _alive.remove(self)

    def check_end(self):
        is_bad = lambda x: "level=error" in x or "Sanitizer" in x or "runtime error:" in x
        bad = [x for x in self.log().splitlines() if is_bad(x) and "code=retry" not in x]  # 503, and asked again
        if self.process.returncode != 0 or bad:
            said = "\n".join(bad[:20]) or self.tail()
            raise tap.Differ(f"{self.name} ended with {self.process.returncode}:\n{said}")

    def kill(self):
        """As a crash would: no warning, no farewell."""
        self.process.kill()
        self.process.wait()
        _alive.remove(self)


class Embedded(Daemon):
    """A daemon with a PostgreSQL of its own in `state`, which a further one takes over after a kill."""
    under = ()

    def __init__(self, assayd, state, *options):
        self.state = state
        if state not in _states:
            _states.append(state)
        count = len(list(state.parent.glob("embedded*.log")))
        super().__init__(assayd, state.parent, f"embedded{count}", "--state-dir", str(state), *options, wait=False)
        self.key_path = state / "admin.key"
        self.wait_ready()

    def conninfo(self, database="assay"):
        return f"host={self.state / 'run'} port=5432 user=assay dbname={database}"


def recompute(assayd, conninfo, how="--verify"):
    """-> (exit status, numbers of the last line by name, the lines of differences)"""
    done = subprocess.run([assayd, "recompute", how, "--database-url", conninfo], capture_output=True, text=True, timeout=300)
    lines = done.stdout.splitlines()
    if not lines or done.stderr.strip():
        raise tap.Differ(f"recompute {how} ended with {done.returncode}: {done.stderr.strip()[-2000:]}\n{done.stdout[-2000:]}")
    numbers = {name: int(n) for n, name in re.findall(r"(\d+) (records|providers|orders|verdicts|tallies|differences)",
                                                      lines[-1])}
    return done.returncode, numbers, lines[:-1]


def verify(assayd, conninfo, records=None):
    """What was derived step by step equals what the records alone give; `records` is how many there are."""
    status, numbers, lines = recompute(assayd, conninfo)
    if status or numbers["differences"] or lines:
        raise tap.Differ(f"recompute --verify: exit {status}, {numbers}\n" + "\n".join(lines[:20]))
    if records is not None:
        tap.equal("records compared by recompute", records, numbers["records"])
    return numbers


def sql(psql, conninfo, text):
    """The rows of the last statement, each a list of texts."""
    argv = [psql, "-X", "-q", "-A", "-t", "-F", "\x1f", "-v", "ON_ERROR_STOP=1", "-d", conninfo, "-c", text]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise tap.Differ(f"psql: {done.stderr.strip()}\n{text}")
    return [line.split("\x1f") for line in done.stdout.splitlines()]


class Cluster:
    """The program's PostgreSQL and the databases in it."""

    def __init__(self, assayd, psql):
        self.assayd, self.psql = assayd, psql
        self.folder = new_folder()
        self.first = Embedded(assayd, self.folder / "state")
        self.count = 0

    def database(self):
        self.count += 1
        return Database(self, f"case{self.count}")

    def sql(self, text, database="assay"):
        return sql(self.psql, self.first.conninfo(database), text)

    def stop(self):
        self.first.stop()


class Database:
    """A fresh database of the cluster and the daemons on it; a context manager."""

    def __init__(self, cluster, name):
        self.cluster, self.name = cluster, name
        self.folder = cluster.folder / name
        self.folder.mkdir()
        (self.folder / "admin.key").write_text(f"key-of-{name}-for-tests\n")
        self.conninfo = cluster.first.conninfo(name)
        self.daemons = []
        cluster.sql(f"CREATE DATABASE {name}")

    def serve(self, *options, wait=True):
        name = f"daemon{len(self.daemons) + 1}"
        state = self.folder / name
        state.mkdir()
        key = (self.folder / "admin.key").read_text().strip()
        daemon = Daemon(self.cluster.assayd, self.folder, name, "--database-url", self.conninfo, "--admin-key", key,
                        "--state-dir", str(state), *options, wait=wait)
        self.daemons.append(daemon)
        return daemon

    def serve_two(self):
        """Two daemons at once on an empty database: one makes the schema, the other finds it."""
        both = [self.serve(wait=False), self.serve(wait=False)]
        return [d.wait_ready() for d in both]

    def sql(self, text):
        return self.cluster.sql(text, self.name)

    def recompute(self, how="--verify"):
        return recompute(self.cluster.assayd, self.conninfo, how)

    def verify(self, records=None):
        return verify(self.cluster.assayd, self.conninfo, records)

    def close(self, check=True):
        for daemon in self.daemons:
            daemon.stop(check)
        self.cluster.sql(f"DROP DATABASE {self.name} WITH (FORCE)")
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.close(check=kind is None)


# --- the client --------------------------------------------------------------------------------------------------------


def no_floats(text):
    raise tap.Differ(f"a reply holds the floating-point number {text}")


class Reply:
    def __init__(self, status, headers, data):
        self.status, self.headers, self.data = status, headers, data

    def json(self):
        return json.loads(self.data.decode("utf-8"), parse_float=no_floats)

    def __repr__(self):
        return f"<{self.status} {self.data[:300]!r}>"


PROBLEM_MEMBERS = {"type", "title", "status", "detail", "instance", "code", "request_id", "errors"}


def judge(method, path, fields, body, reply):
    """Hold an exchange against the contract, and note that it was seen."""
    operation, faults = CONTRACT.judge(method, path, fields, body, reply.status, reply.headers, reply.data)
    SEEN.add(operation, reply.status, reply.headers.get("Content-Type"), bool(faults))
    if faults:
        said = "\n".join(f"  {x}" for x in faults[:12])
        raise tap.Differ(f"not in the contract: {operation or 'no operation'} {reply.status} ({method} {tap.short(path)})\n{said}\n"
                         f"  {tap.short(body)} -> {reply!r}")


def raw(port, head, body=b"", fields=None, timeout=60):
    """A request as bytes, head being its first line and `fields` its header, of which nothing is added or mended; the body
    may be shorter than announced. -> the socket, for raw_reply()"""
    lines = [head, "Host: assay", *(f"{k}: {v}" for k, v in (fields or {}).items())]
    s = socket.create_connection(("127.0.0.1", port), timeout=timeout)
    s.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
    return s


def raw_reply(s, head, fields=None, body=None):
    """The reply on a socket of raw(), judged."""
    method, path, _ = head.split(" ", 2)
    answer = http.client.HTTPResponse(s, method=method)
    answer.begin()
    reply = Reply(answer.status, answer.headers, answer.read())
    s.close()
    judge(method, path, fields or {}, body, reply)
    return reply


class Client:
    """One keep-alive connection. Each reply is held against what API.md says of every reply."""

    def __init__(self, port, key, timeout=120):
        self.key = key
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)

    def close(self):
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, method, path, body=None, content_type=None, headers=()):
        """`body` is bytes. Headers given win; one of value None is left out."""
        fields = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        if content_type:
            fields["Content-Type"] = content_type
        fields.update(headers)
        fields = {k: v for k, v in fields.items() if v is not None}
        self.connection.request(method, path, body, fields)
        answer = self.connection.getresponse()
        if answer.status not in (204, 304) and not {"Content-Length", "Transfer-Encoding"} & set(answer.headers):
            raise http.client.IncompleteRead(b"")  # the connection ended within the head, which http.client takes for its end
        reply = Reply(answer.status, answer.headers, answer.read())
        judge(method, path, fields, body, reply)
        self.check(method, path, reply)
        return reply

    def check(self, method, path, reply):
        """What API.md says beyond the contract."""
        what = f"{method} {path} -> {reply!r}"
        if reply.status >= 400:
            if reply.headers.get("Content-Type") == PROBLEM and method != "HEAD":
                problem = reply.json()
                tap.check(set(problem) - {"upload"} == PROBLEM_MEMBERS, f"{what}: a problem's members are {sorted(PROBLEM_MEMBERS)}")
                tap.check(problem["status"] == reply.status, f"{what}: the status is said twice and differs")
                tap.check(problem["request_id"] == reply.headers["X-Request-Id"], f"{what}: the request's id differs")
        elif method == "GET" and reply.status == 200 and path.startswith("/v1"):
            tap.check(re.fullmatch(r'"[^"]+"', reply.headers.get("ETag", "")), f"{what}: no strong ETag")
            tap.check(reply.headers.get("Cache-Control") == "private, no-cache", f"{what}: Cache-Control")

    # what tests mostly do

    def get(self, path, status=200, **params):
        reply = self.send("GET", path + ("?" + urlencode(params) if params else ""))
        tap.check(reply.status == status, f"GET {path} {params}: wanted {status}, got {reply!r}")
        return reply.json()

    def items(self, path, **params):
        """All of a list, page by page."""
        out, cursor = [], {}
        while True:
            reply = self.send("GET", f"{path}?{urlencode({'limit': 1000, **params, **cursor})}")
            tap.check(reply.status == 200, f"GET {path} {params}: {reply!r}")
            page = reply.json()
            out += page["items"]
            tap.check((page["next"] is not None) == ('rel="next"' in (reply.headers.get("Link") or "")), f"{path}: Link and next")
            if page["next"] is None:
                return out
            cursor = {"cursor": page["next"]}

    def post(self, path, document):
        return self.send("POST", path, json.dumps(document).encode(), "application/json")

    def ndjson(self, path, rows):
        """rows: documents, or lines of text as they are to be sent."""
        lines = [x if isinstance(x, str) else json.dumps(x, ensure_ascii=False) for x in rows]
        return self.send("POST", path, ("\n".join(lines) + "\n").encode(), "application/x-ndjson")

    def put(self, path, document, if_match=None):
        return self.send("PUT", path, json.dumps(document).encode(), "application/json",
                         {"If-Match": if_match} if if_match else {})

    def register(self, providers):
        reply = self.ndjson("/v1/providers", providers)
        tap.check(reply.status == 200 and reply.json()["rejected"] == 0, f"POST /v1/providers: {reply!r}")
        return reply.json()

    def upload(self, stream, rows, array=False):
        """A bulk body that is asked again while the daemon says 503. -> (the reply, how often it was put off)"""
        for put_off in range(200):
            reply = (self.post if array else self.ndjson)(ROUTES[stream], rows)
            if reply.status != 503:
                break
            time.sleep(0.05)
        tap.check(reply.status == 200, f"upload of {len(rows)} {stream} records: {reply!r}")
        said = reply.json()
        tap.check(said["received"] == said["accepted"] + said["duplicates"] + said["rejected"] == len(rows),
                  f"upload of {len(rows)} {stream} records: the numbers do not add up: {short_upload(said)}")
        return said, put_off


def short_upload(said):
    return {**said, "errors": said["errors"][:5]}


def accept_all(said):
    """An upload's reply in which nothing was refused."""
    tap.check(said["rejected"] == 0 and said["errors"] == [], f"refused: {short_upload(said)}")
    return said


def pointers(problem):
    """What each error is about: a pointer ("" is the document), or a parameter's name."""
    return sorted((x.get("pointer", x.get("parameter", "")), x["code"]) for x in problem["errors"])


def said_of(reply):
    """A refusal in short: status, code and what each error is about."""
    problem = reply.json()
    return [reply.status, problem["code"], pointers(problem)]


def segment(text):
    return quote(text, safe="")


def order_path(provider, order):
    return f"/v1/providers/{segment(provider)}/orders/{segment(order)}"


def parallel(daemons, jobs, work, threads=4):
    """work(client, job) for each job, by `threads` threads with a connection each, spread over the daemons. -> results"""
    results, errors, lock, waiting = [None] * len(jobs), [], threading.Lock(), list(enumerate(jobs))[::-1]

    def thread(daemon):
        with daemon.client() as client:
            while not errors:
                with lock:
                    if not waiting:
                        return
                    i, job = waiting.pop()
                try:
                    results[i] = work(client, job)
                except Exception as e:
                    errors.append(e)

    crew = [threading.Thread(target=thread, args=(daemons[k % len(daemons)],), daemon=True) for k in range(threads)]
    for t in crew:
        t.start()
    for t in crew:
        t.join()
    if errors:
        raise errors[0]
    return results


# --- the program -------------------------------------------------------------------------------------------------------


def main(cases):
    """Run a program's cases, each called with the cluster. Arguments: the path of assayd, then words of cases' names."""
    arguments = [a for a in sys.argv[1:] if not a.startswith("--")]
    assayd = arguments[0] if arguments else os.environ.get("ASSAYD", str(ROOT / "build/src/app/assayd"))
    psql = find_psql()
    if not os.access(assayd, os.X_OK):
        tap.skip_all(f"there is no {assayd}: say where assayd is")
    if not psql:
        tap.skip_all("there is no psql")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, leave)
    cluster = Cluster(os.path.abspath(assayd), psql)
    named = [(case.__doc__.splitlines()[0].rstrip("."), bind(case, cluster)) for case in cases]
    status = tap.run(named, arguments[1:])
    try:
        cluster.stop()
    except tap.Differ as e:
        tap.comment(e)
        status = 1
    sys.exit(status)


def bind(case, cluster):
    def bound():
        case(cluster)

    bound.__name__ = case.__name__
    return bound
