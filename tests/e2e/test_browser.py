#!/usr/bin/env python3
"""A page of another origin in a real browser: what it can read, send and revalidate, and what a stranger's page cannot.

    test_browser.py ASSAYD [WORD…]

The page (browser_page.html) runs in headless Chromium and tells what it found to the server that it came from.
"""
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import daemon
import tap
from daemon import accept_all

PAGE = Path(__file__).resolve().parent / "browser_page.html"
SECONDS = 120
# No background traffic, no sandbox (root has none), nothing kept.
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"]


class PageServer:
    """Serves the page; `found` gets what it says."""

    def __init__(self):
        found = self.found = queue.Queue()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                body = PAGE.read_bytes() if self.path.startswith("/page") else b""
                self.send_response(200 if body else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                found.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def browse(folder, url, pages):
    """What the page at `url` found."""
    profile = folder / "profile"
    with open(folder / "chromium.log", "wb") as log:
        browser = subprocess.Popen([CHROMIUM, *FLAGS, f"--user-data-dir={profile}", url], stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=log, start_new_session=True, preexec_fn=daemon.die_with_parent)
    try:
        return pages.found.get(timeout=SECONDS)
    except queue.Empty:
        said = (folder / "chromium.log").read_text(errors="replace")[-2000:]
        raise tap.Differ(f"the page said nothing within {SECONDS} s; the browser:\n{said}")
    finally:
        os.killpg(browser.pid, signal.SIGKILL)  # its own session: the browser and its helpers
        browser.wait()
        shutil.rmtree(profile, ignore_errors=True)


def statuses(d):
    """Of the requests by id, as the daemon logged them."""
    lines = [dict(word.split("=", 1) for word in line.split() if "=" in word) for line in d.log().splitlines() if "event=request " in line]
    return {line["id"]: line["status"] for line in lines if "id" in line and "status" in line}


def page(cluster, host, role, check):
    with cluster.database() as db:
        pages = PageServer()
        try:
            d = db.serve("--cors-origins", f"https://portal.example,http://localhost:{pages.port}")
            with d.client() as c:
                c.register([{"code": f"P{i:03}", "name": f"Provider {i}", "city": "Beijing", "ascim": False} for i in range(1, 6)])
            query = urlencode({"api": f"http://127.0.0.1:{d.port}", "key": d.key_path.read_text().strip(), "role": role})
            found = browse(db.folder, f"http://{host}:{pages.port}/page?{query}", pages)
            with d.client() as c:
                check(found, d, c)
        finally:
            pages.close()


def allowed(cluster):
    """A page of an origin on the list reads bodies, ETags, 304 and problems, and writes."""

    def check(found, d, c):
        differences = tap.Differences()
        want = {"read": 200, "unchanged": 304, "head": 200, "kept-1": 200, "kept-2": 200, "post": 201, "kept-3": 200, "reload": 200,
                "provider": 200, "put": 200, "missing": 404, "nowhere": 404, "invalid": 422, "no-key": 401, "wrong-key": 401, "open": 200,
                "not-allowed": 405}
        differences.equal("status", want, {k: v.get("status", v.get("error")) for k, v in found.items()})
        differences.finish()
        header = lambda name, field: found[name]["headers"][field]
        tap.equal("rows of a page", 2, len(json.loads(found["read"]["text"])["items"]))
        tap.check(header("read", "ETag").startswith('"') and 'rel="next"' in header("read", "Link"), f"read: {found['read']}")
        for name in ("unchanged", "head"):
            tap.check(found[name]["text"] == "" and header(name, "ETag") == header("read", "ETag"), f"{name}: {found[name]}")
        for name in want:
            if name not in ("no-key", "open"):
                sent = header(name, "X-Request-Id")
                # What the browser revalidated has the headers of the 304 that said so.
                tap.check(sent == name, f"{name}: X-Request-Id is {sent}")
        for name, code in (("missing", "not_found"), ("nowhere", "not_found"), ("no-key", "unauthorized"),
                           ("wrong-key", "unauthorized"), ("invalid", "validation_failed"), ("not-allowed", "method_not_allowed")):
            problem = json.loads(found[name]["text"])
            tap.equal(f"{name}: code", code, problem["code"])
            tap.equal(f"{name}: id", problem["request_id"], header(name, "X-Request-Id"))
            tap.equal(f"{name}: type", "application/problem+json", header(name, "Content-Type"))
        # Behind the page's back: the second time the browser asked whether its copy still held, and it did.
        logged = statuses(d)
        tap.equal("kept, as logged", ["200", "304", "200", "200"], [logged[k] for k in ("kept-1", "kept-2", "kept-3", "reload")])
        tap.equal("kept, as seen", found["kept-1"]["text"], found["kept-2"]["text"])
        tap.check("B1" in found["kept-3"]["text"] and "B1" not in found["kept-2"]["text"], "the page's own write does not show")
        tap.equal("name", "By a page", c.get("/v1/providers/P001")["name"])

    page(cluster, "localhost", "allowed", check)


def stranger(cluster):
    """A page of an origin that is not on the list reads nothing, and its writes are not even sent."""

    def check(found, d, c):
        tap.equal("found", {name: {"error": "TypeError"} for name in ("read", "no-key", "open", "post")}, found)
        logged = statuses(d)
        tap.check("post" not in logged and "read" not in logged, f"a request that needs a preflight was sent: {logged}")
        tap.equal("orders", [], c.items("/v1/providers/P001/orders"))

    page(cluster, "127.0.0.1", "foreign", check)


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
if not CHROMIUM:
    tap.skip_all("there is no chromium: what a browser makes of the replies is not tested")
daemon.main([allowed, stranger])
