#!/usr/bin/env python3
"""What stands between the daemon and the network: TLS and its reload, whose address a client has, headers for browsers, secrets,
and what the service manager is told.

    test_transport.py ASSAYD [WORD…]
"""
import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import daemon
import tap
from daemon import ROUTES
from records import OPENED, PROVIDERS


def make_pair(folder, name, days="30"):
    """A self-signed certificate for this machine and its key, as files."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    done = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", days,
                           "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out",
                           str(certificate)], capture_output=True, text=True)
    if done.returncode:
        raise tap.Skip(f"openssl makes no certificate: {done.stderr[-200:]}")
    key.chmod(0o600)
    return certificate, key


class Files:
    """The two files that a daemon is given, and what is put into them."""

    def __init__(self, db):
        self.pairs = {name: make_pair(db.folder, name) for name in ("first", "second")}
        self.certificate, self.key = db.folder / "live.pem", db.folder / "live.key"
        self.put("first")

    def put(self, certificate, key=None):
        shutil.copy(self.pairs[certificate][0], self.certificate)
        shutil.copy(self.pairs[key or certificate][1], self.key)

    def options(self):
        return "--tls-certificate", str(self.certificate), "--tls-key", str(self.key)

    def trusting(self, name):
        return ssl.create_default_context(cafile=str(self.pairs[name][0]))


def https(served, context, timeout=60):
    return http.client.HTTPSConnection("127.0.0.1", served.port, timeout=timeout, context=context)


def ask(connection, served, method, path, body=None, headers=()):
    fields = {"Authorization": f"Bearer {served.key_path.read_text().strip()}", **dict(headers)}
    connection.request(method, path, body, fields)
    answer = connection.getresponse()
    return daemon.Reply(answer.status, answer.headers, answer.read())


def reload(served, event, seconds=20):
    """SIGHUP, until the log says so once more."""
    before = served.log().count(f"event={event}")
    served.process.send_signal(signal.SIGHUP)
    until = time.monotonic() + seconds
    while served.log().count(f"event={event}") == before:
        tap.check(time.monotonic() < until, f"no {event} in the log:\n{served.tail()}")
        time.sleep(0.01)
    return [x for x in served.log().splitlines() if f"event={event}" in x][-1]


def tls(cluster):
    """TLS 1.2 and 1.3 are spoken, nothing older and nothing in clear; bodies of every kind go through it"""
    with cluster.database() as db:
        files = Files(db)
        served = db.serve(*files.options(), "--body-seconds", "2")
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = files.trusting("first")
            context.minimum_version = context.maximum_version = version
            connection = https(served, context)
            reply = ask(connection, served, "GET", "/v1/providers")
            tap.equal(f"{version}", 200, reply.status)
            tap.check(reply.headers["Strict-Transport-Security"], "no Strict-Transport-Security")
            tap.check(version != ssl.TLSVersion.TLSv1_2 or "ECDHE" in connection.sock.cipher()[0], connection.sock.cipher())
            connection.close()
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.set_ciphers("ALL:@SECLEVEL=0")
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        refused = None
        try:
            old.wrap_socket(socket.create_connection(("127.0.0.1", served.port), timeout=20))
        except ssl.SSLError as e:
            refused = str(e)
        tap.check(refused and ("EOF" in refused or "ALERT" in refused.upper()), f"TLS 1.1: {refused}")  # by the daemon, not by this client
        with socket.create_connection(("127.0.0.1", served.port), timeout=20) as s:
            s.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
            tap.check(b"HTTP/1.1 200" not in s.recv(4096), "answered in clear")
        c = https(served, files.trusting("first"))
        for p in PROVIDERS:
            reply = ask(c, served, "PUT", f"/v1/providers/{p['code']}", json.dumps({k: v for k, v in p.items() if k != "code"}),
                        {"Content-Type": "application/json"})
            tap.check(reply.status in (200, 201), repr(reply))
        tap.equal("one record", 201, ask(c, served, "POST", ROUTES["repair"], json.dumps(OPENED), {"Content-Type": "application/json"}).status)
        # An upload large enough that its connection is suspended and resumed many times, and one that ends early.
        lines = "".join(json.dumps({**OPENED, "id": f"t{i}", "order": f"T{i}"}) + "\n" for i in range(5000)).encode()
        reply = ask(c, served, "POST", ROUTES["repair"], lines, {"Content-Type": "application/x-ndjson"})
        tap.check(reply.status == 200 and reply.json()["accepted"] == 5000, repr(reply))
        rows = ask(c, served, "GET", f"/v1/providers/{OPENED['provider']}/orders", headers={"Accept": "text/csv"})
        tap.equal("rows", 5002, rows.data.count(b"\r\n"))
        same = ask(c, served, "GET", "/v1/providers")
        tap.equal("304", 304, ask(c, served, "GET", "/v1/providers", headers={"If-None-Match": same.headers["ETag"]}).status)
        # A body that stands still is answered past the HTTP library, under TLS too.
        s = files.trusting("first").wrap_socket(socket.create_connection(("127.0.0.1", served.port), timeout=30), server_hostname="127.0.0.1")
        key = served.key_path.read_text().strip()
        s.sendall(f"POST {ROUTES['repair']} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
                  "Content-Length: 100\r\n\r\n{".encode())
        answer = http.client.HTTPResponse(s, method="POST")
        answer.begin()
        tap.equal("a body that stands still", (408, "request_timeout"), (answer.status, json.loads(answer.read())["code"]))
        s.close()
        many = [threading.Thread(target=lambda: codes.append(ask(https(served, files.trusting("first")), served, "GET", "/readyz").status))
                for _ in range(24)]
        codes = []
        for t in many:
            t.start()
        for t in many:
            t.join()
        tap.equal("at once", [200] * 24, codes)


def commands(cluster):
    """The commands that ask a daemon speak TLS, with those it shows to vouch for it, and with nobody else"""
    with cluster.database() as db:
        files = Files(db)
        served = db.serve(*files.options())
        url, trust = f"https://127.0.0.1:{served.port}", lambda name: ["--ca-file", str(files.pairs[name][0])]
        run = lambda *words: subprocess.run([cluster.assayd, *words], capture_output=True, text=True, timeout=60)
        for words in (["health"], ["orders", "P1", "--key-file", str(served.key_path)]):
            told = run(*words, "--url", url, *trust("first"))
            tap.check("certificate" not in told.stderr and (told.returncode == 0 or "unknown" in told.stderr.lower() or "404" in told.stderr), f"{words}: {told}")
            for others in (trust("second"), []):
                told = run(*words, "--url", url, *others)
                tap.check(told.returncode and "certificate" in told.stderr.lower(), f"{words} {others}: {told}")


def gone(cluster):
    """Under TLS too a client that leaves a long poll is noticed, and a stop does not wait for idle connections"""
    with cluster.database() as db:
        files = Files(db)
        served = db.serve(*files.options())
        first = https(served, files.trusting("first"))
        cursor = ask(first, served, "GET", "/v1/changes").json()["next"]
        waiting = https(served, files.trusting("first"))
        key = served.key_path.read_text().strip()
        waiting.request("GET", f"/v1/changes?after={cursor}&wait=50", headers={"Authorization": f"Bearer {key}"})
        waiters = lambda: int(re.search(r"^assay_change_waiters (\d+)$", ask(first, served, "GET", "/metrics").data.decode(), re.M)[1])

        def leave():
            """With a farewell of TLS, which nobody reads while the request waits."""
            waiting.sock.settimeout(0.2)
            try:
                waiting.sock.unwrap()
            except OSError:
                pass
            waiting.close()

        for want, act in ((1, lambda: None), (0, leave)):
            act()
            until = time.monotonic() + 15
            while waiters() != want:
                tap.check(time.monotonic() < until, f"{waiters()} wait, not {want}")
                time.sleep(0.05)
        began = time.monotonic()
        served.stop()
        tap.check(time.monotonic() - began < 15, "it waited for an idle connection")


def silent(cluster):
    """Clients that never end their handshake, however they trickle, hold their places no longer than they may be silent"""
    with cluster.database() as db:
        files = Files(db)
        served = db.serve(*files.options(), "--connections", "3", "--idle-seconds", "1")
        # The head of a record that announces a ClientHello of 512 bytes.
        held = [socket.create_connection(("127.0.0.1", served.port), timeout=20) for _ in range(3)]
        for s in held[1:]:
            s.sendall(b"\x16\x03\x01\x02\x00\x01")
        time.sleep(0.3)
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", served.port), timeout=20) as beyond:
            tap.equal("beyond the limit", b"", beyond.recv(100))
        tap.check(time.monotonic() - began < 0.5, "what is beyond the limit hangs")
        while time.monotonic() - began < 1.5:
            try:
                held[2].sendall(b"\x00")
            except OSError:
                break
            time.sleep(0.1)
        for s in held:
            try:
                tap.equal("cut", b"", s.recv(100))
            except ConnectionResetError:
                pass
            s.close()
        tap.check(time.monotonic() - began < 4, "they were not cut in time")
        tap.equal("afterwards", 200, ask(https(served, files.trusting("first")), served, "GET", "/v1/providers").status)


def exchange(cluster):
    """SIGHUP: new connections see the new certificate, old ones go on; a broken file keeps the old one and says so"""
    with cluster.database() as db:
        files = Files(db)
        served = db.serve(*files.options())
        kept = https(served, files.trusting("first"))
        tap.equal("before", 200, ask(kept, served, "GET", "/livez").status)

        def sees(name, what):
            c = https(served, files.trusting(name))
            tap.equal(what, 200, ask(c, served, "GET", "/livez").status)
            c.close()

        tap.check("has not changed" in reload(served, "reloaded"), "an unchanged file is taken for a change")
        files.put("second")
        sees("first", "before the signal")
        reload(served, "reloaded")
        sees("second", "after the signal")
        tap.equal("a connection from before", 200, ask(kept, served, "GET", "/livez").status)
        for what, spoil in (("a torn certificate", lambda: files.certificate.write_text("-----BEGIN CERTIFICATE-----\nMIIB")),
                            ("an empty certificate", lambda: files.certificate.write_text("")),
                            ("no certificate", files.certificate.unlink),
                            ("an empty key", lambda: files.key.write_text("")),
                            ("another's key", lambda: files.put("first", "second"))):
            files.put("second")
            spoil()
            line = reload(served, "reload_failed")
            tap.check("level=warn" in line and "tls-" in line and "stays" in line, f"{what}: {line}")
            tap.check("BEGIN" not in line, "the log quotes the file")
            sees("second", what)
        files.put("first")
        reload(served, "reloaded")
        sees("first", "mended")
        told = ask(kept, served, "GET", "/metrics").data.decode()
        left = int(re.search(r"^assay_tls_certificate_expiry_seconds (\d+)$", told, re.M)[1]) - time.time()
        tap.check(29.9 < left / 86400 <= 30, f"the certificate is said to expire in {left} s")
        tap.equal("a connection from the beginning", 200, ask(kept, served, "GET", "/livez").status)


def issuer(cluster):
    """SIGHUP: the issuer's keys are read again; a file without any keeps those in use and says so; a server away stops nothing"""
    key = {"kty": "EC", "crv": "P-256", "kid": "e1", "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
           "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}
    tokens = ["--oidc-issuer", "https://idp.example/realm", "--oidc-audience", "assay", "--oidc-jwks"]
    with cluster.database() as db:
        file = db.folder / "jwks.json"
        keys = lambda *kids: file.write_text(json.dumps({"keys": [{**key, "kid": k} for k in kids]}))
        keys("a")
        served = db.serve(*tokens, str(file))
        with served.client() as client:
            counted = lambda: int(re.search(r"^assay_issuer_keys (\d+)$", client.send("GET", "/metrics").data.decode(), re.M)[1])
            tap.equal("keys at the start", 1, counted())
            keys("a", "b")
            tap.check("keys were read again" in reload(served, "reloaded"), "not read")
            tap.equal("keys after the signal", 2, counted())
            for text in ("", "{}", json.dumps({"keys": [{**key, "d": "AQAB"}]})):
                file.write_text(text)
                line = reload(served, "reload_failed")
                tap.check("level=warn" in line and "keys in use stay" in line and "AQAB" not in line, line)
                tap.equal("keys after a bad file", 2, counted())
        served.stop()
        keys("a", "b")
        for jwks, status, said in ((file, 0, "good    issuer        2 keys of https://idp.example/realm"),
                                   ("http://127.0.0.1:1/jwks", 1, "WRONG   issuer        no token can be checked: http://127.0.0.1:1/jwks: ")):
            done = subprocess.run([cluster.assayd, "doctor", "--state-dir", str(db.folder / "none"), *tokens, str(jwks)],
                                  capture_output=True, text=True, timeout=60)
            tap.check(done.returncode == status and said in done.stdout, f"doctor, {jwks}: {done.returncode}\n{done.stdout}{done.stderr}")
        served = db.serve(*tokens, "http://127.0.0.1:1/jwks")
        tap.check("no token can be checked yet" in served.log(), served.tail())
        tap.check("is asked for its keys" in reload(served, "reloaded"), "not asked")
        served.stop()


def wrong_settings(cluster):
    """check-config and serve refuse what is no pair, half of one, or trusts everybody; an old certificate is told"""
    with cluster.database() as db:
        first, second = make_pair(db.folder, "first"), make_pair(db.folder, "second")
        soon = make_pair(db.folder, "soon", "3")
        loose = db.folder / "loose.key"
        shutil.copy(first[1], loose)
        loose.chmod(0o644)
        base = ["--state-dir", str(db.folder / "none"), "--admin-key", "k" * 40]
        tokens = ["--oidc-issuer", "https://idp.example", "--oidc-audience", "assay", "--oidc-jwks"]
        pair = lambda certificate, key: ["--tls-certificate", str(certificate), "--tls-key", str(key)]
        for options, status, said in (
                (pair(*first), 0, ""),
                (pair(first[0], second[1]), 2, "is not the key of the certificate"),
                (pair(first[0], "/nowhere"), 2, "tls-key: cannot read /nowhere"),
                (pair(first[1], first[1]), 2, "holds no certificates"),
                (pair(*first)[:2], 2, "a certificate needs its key"),
                (pair(*first)[2:], 2, "a key needs its certificate"),
                (pair(*soon), 0, "soon.pem expires in"),
                (pair(first[0], loose), 0, "others than its owner may read"),
                (["--trusted-proxies", "10.0.0.1/8"], 2, "bits beyond its length"),
                (["--trusted-proxies", "0.0.0.0/0"], 2, "would let anyone say who they are"),
                (["--rate-burst", "5"], 0, "without rate-limit nothing is limited"),
                ([*tokens, "/nowhere"], 2, "oidc-jwks: cannot read /nowhere"),
                ([*tokens, str(first[0])], 2, "holds no keys: it is no JSON"),
                ([*tokens, "http://idp.example/keys"], 2, "https is wanted"),
                (tokens[:4], 2, "the issuer's keys are wanted"),
                (["--listen", "0.0.0.0:1"], 0, "set tls-certificate"),
                ([*pair(*first), "--listen", "0.0.0.0:1"], 0, "")):
            done = subprocess.run([cluster.assayd, "check-config", "--quiet", *base, *options], capture_output=True, text=True, timeout=60)
            text = "\n".join(x for x in done.stderr.splitlines() if "on the command line" not in x)
            tap.check(done.returncode == status and said in text and (said or not text), f"{options}: {done.returncode}\n{text}")
            if status:
                done = subprocess.run([cluster.assayd, "serve", "--listen", "127.0.0.1:0", *base, *options], capture_output=True, text=True, timeout=60)
                tap.check(done.returncode == 2 and said in done.stderr, f"serve {options}: {done.returncode}\n{done.stderr}")


def clients(cluster):
    """The log names the client: what a trusted proxy says, else the peer"""
    with cluster.database() as db:
        for options, want in (((), "127.0.0.1"), (("--trusted-proxies", "127.0.0.0/8"), "198.51.100.7")):
            served = db.serve(*options)
            with served.client() as client:
                client.send("GET", "/v1/providers", headers={"X-Request-Id": "who", "X-Forwarded-For": "203.0.113.1, 198.51.100.7"})
            served.stop()
            line = next(x for x in served.log().splitlines() if "id=who" in x)
            tap.equal("client", want, re.search(r" client=(\S+)", line)[1])


def browsers(cluster):
    """Every reply tells browsers to guess, frame and leak nothing, also problems and what is answered past the HTTP library"""
    with cluster.database() as db:
        served = db.serve("--connections", "2", "--body-seconds", "1")
        with served.client() as client:
            replies = {path: client.send(method, path) for method, path in (
                ("GET", "/"), ("GET", "/docs"), ("GET", "/v1/providers"), ("GET", "/nowhere"), ("DELETE", "/v1/providers"),
                ("OPTIONS", "/v1/orders/at-risk"), ("GET", "/metrics"))}
            replies["/docs again"] = client.send("GET", "/docs")
            replies["304"] = client.send("GET", "/v1/providers", headers={"If-None-Match": "*"})
            late = daemon.raw(served.port, f"POST {ROUTES['repair']} HTTP/1.1", b"{", {
                "Authorization": f"Bearer {client.key}", "Content-Type": "application/json", "Content-Length": "9"})
            beyond = socket.create_connection(("127.0.0.1", served.port), timeout=30)
            for name, s in (("beyond the limit", beyond), ("late", late)):
                answer = http.client.HTTPResponse(s, method="POST")
                answer.begin()
                replies[name] = daemon.Reply(answer.status, answer.headers, answer.read())
        tap.equal("late, beyond", (408, 503), (replies["late"].status, replies["beyond the limit"].status))
        for what, reply in replies.items():
            policy = reply.headers.get("Content-Security-Policy", "")
            tap.equal(f"{what}: nosniff", "nosniff", reply.headers.get("X-Content-Type-Options"))
            tap.equal(f"{what}: referrer", "no-referrer", reply.headers.get("Referrer-Policy"))
            tap.check(policy.startswith("default-src 'none'") and "frame-ancestors 'none'" in policy, f"{what}: {policy}")
            tap.check("unsafe" not in policy and (what in ("/", "/docs", "/docs again")) == ("style-src 'sha256-" in policy), f"{what}: {policy}")
            tap.equal(f"{what}: in clear", None, reply.headers.get("Strict-Transport-Security"))


def secrets(cluster):
    """No key, password or key file shows in a log, a reply, an error or a core, whatever goes wrong"""
    with cluster.database() as db:
        files = Files(db)
        # Parts of them, so that a line that was cut would be found as well.
        other = "a-key-of-nobody-in-particular-0123456789"
        secret = [db.folder.joinpath("admin.key").read_text().strip()[:16], other[:16], files.pairs["first"][1].read_text().splitlines()[1][:24]]
        served = db.serve("--log-level", "debug")
        said = []
        with served.client() as client:
            client.register(PROVIDERS)
            for key in (client.key, other):
                bearer = {"Authorization": f"Bearer {key}"}
                for method, path, body, fields in (
                        ("GET", "/v1/providers", None, bearer), ("GET", "/nowhere", None, bearer), ("PATCH", "/v1/providers", None, bearer),
                        ("POST", ROUTES["repair"], b"{", {**bearer, "Content-Type": "application/json"}),
                        ("POST", ROUTES["repair"], b"{}", {**bearer, "Content-Type": "text/plain"}),
                        ("GET", "/v1/providers", None, {"Authorization": f"Basic {key}"}),
                        ("GET", "/v1/providers?limit=x", None, bearer), ("GET", "/metrics", None, bearer)):
                    reply = client.send(method, path, body, headers=fields)
                    said.append(str(reply.headers) + reply.data.decode("utf-8", "replace"))
            db.sql("ALTER TABLE work_order RENAME TO gone")
            reply = client.send("GET", f"/v1/providers/{PROVIDERS[0]['code']}/orders", headers={"Cache-Control": "no-cache"})
            said.append(str(reply.headers) + reply.data.decode())
            # Twice, and malformed: the HTTP library's own complaints go to the log at debug.
            for text in (f"Authorization: Bearer {client.key}\r\nAuthorization: Bearer {client.key}", f"Authorization : Bearer {client.key}",
                         f"Bearer {client.key}"):
                with socket.create_connection(("127.0.0.1", served.port), timeout=20) as s:
                    s.sendall(f"GET /v1/providers HTTP/1.1\r\nHost: x\r\n{text}\r\n\r\n".encode())
                    s.shutdown(socket.SHUT_WR)
                    while chunk := s.recv(65536):
                        said.append(chunk.decode("utf-8", "replace"))
        served.stop(check=False)
        bad_key = subprocess.run([cluster.assayd, "serve", "--listen", "127.0.0.1:0", "--admin-key", "shortkey-secret",
                                  "--state-dir", str(db.folder / "x"), "--database-url", "postgresql://u:password-secret@127.0.0.1:1/x",
                                  "--tls-certificate", str(files.key), "--tls-key", str(files.key)], capture_output=True, text=True, timeout=60)
        away = subprocess.run([cluster.assayd, "serve", "--listen", "127.0.0.1:0", "--admin-key", other, "--state-dir", str(db.folder / "x"),
                               "--database-url", "postgresql://u:password-secret@127.0.0.1:1/x"], capture_output=True, text=True, timeout=60)
        shown = subprocess.run([cluster.assayd, "check-config", "--admin-key", other, "--database-url", "postgresql://u:password-secret@h/x"],
                               capture_output=True, text=True, timeout=60)
        tap.check(bad_key.returncode and away.returncode, "it started")
        places = {"the log": served.log(), "replies": "\n".join(said), "errors of the start": bad_key.stderr + away.stderr,
                  "check-config": shown.stdout + shown.stderr}
        tap.check("status=500" in places["the log"] and "status=401" in places["the log"], "the failing requests are not in the log")
        for where, text in places.items():
            for x in [*secret, "shortkey-secr", "password-secr"]:
                tap.check(x not in text, f"{where}: {x} in " + next((line for line in text.splitlines() if x in line), ""))


def core(cluster):
    """Its memory is not dumped, nor open to other processes of its user"""
    folder = daemon.new_folder()
    program = shutil.copy(cluster.assayd, folder / "assayd")
    user = 65534 if os.geteuid() == 0 else os.geteuid() # root would see everything, and own it
    os.chown(folder, user, -1)
    process = subprocess.Popen([program, "serve", "--listen", "127.0.0.1:0", "--state-dir", str(folder / "state")], user=user,
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=daemon.die_with_parent)
    try:
        until = time.monotonic() + 20
        # What must not be dumped belongs to root: so the kernel tells.
        while os.stat(f"/proc/{process.pid}/environ").st_uid != 0:
            tap.check(time.monotonic() < until and process.poll() is None, "its environment and memory are its user's to read")
            time.sleep(0.01)
    finally:
        process.terminate()
        process.wait(daemon.STOP_SECONDS)


def unit(cluster):
    """The unit file is sound, and as closed as the README says"""
    if not shutil.which("systemd-analyze"):
        raise tap.Skip("there is no systemd-analyze")
    folder = daemon.new_folder()
    file = folder / "assayd.service"
    text = (daemon.ROOT / "docker/assayd.service").read_text()
    file.write_text(re.sub("^Documentation=.*\n", "", text, flags=re.M).replace("/usr/bin/assayd", cluster.assayd))
    run = lambda *words: subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, timeout=60)
    checked = run("verify", str(file))
    tap.check(checked.returncode == 0 and "assayd" not in checked.stderr, checked.stderr)
    rated = run("security", "--offline=true", "--threshold=13", str(file))
    if "nrecognized option" in rated.stderr:
        raise tap.Skip("this systemd-analyze rates no files")
    tap.check(rated.returncode == 0, rated.stdout[-200:] + rated.stderr)


def manager(cluster):
    """The service manager is told: READY, RELOADING and READY again, STOPPING"""
    with cluster.database() as db:
        path = str(db.folder / "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.bind(path)
            s.settimeout(30)
            os.environ["NOTIFY_SOCKET"] = path
            try:
                served = db.serve()
            finally:
                del os.environ["NOTIFY_SOCKET"]
            tap.equal("started", b"READY=1", s.recv(4096))
            served.process.send_signal(signal.SIGHUP)
            tap.check(re.fullmatch(rb"RELOADING=1\nMONOTONIC_USEC=\d+", s.recv(4096)), "RELOADING")
            tap.equal("reloaded", b"READY=1", s.recv(4096))
            served.process.terminate()
            tap.equal("stopping", b"STOPPING=1", s.recv(4096))
            served.stop()


if __name__ == "__main__":
    daemon.main([tls, commands, gone, silent, exchange, issuer, wrong_settings, clients, browsers, secrets, core, manager, unit])
