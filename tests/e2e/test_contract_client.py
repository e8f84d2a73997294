#!/usr/bin/env python3
"""The contract in the hands of others: Spectral's recommended rules, and a TypeScript client generated from it, at work.

    test_contract_client.py ASSAYD [WORD…]

The tools come from npm, as tests/client/package-lock.json has them, once, into the build folder; where npm or its registry
is not to be reached, the cases are skipped and say so.
"""
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import daemon
import tap

SOURCES = daemon.ROOT / "tests/client"
CONTRACT = daemon.ROOT / "api/openapi.yaml"
WHERE = Path(os.environ.get("ASSAY_TEST_CACHE", daemon.ROOT / "build")) / "npm"
LOCKED = ("package.json", "package-lock.json")
INSTALL = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error",
           "--fetch-retries=1", "--fetch-timeout=60000")
UNREACHABLE = re.compile(r"E(NOTFOUND|AI_AGAIN|CONNREFUSED|CONNRESET|TIMEDOUT|HOSTUNREACH|NETUNREACH|403|407|5\d\d)\b"
                         r"|ERR_SOCKET_TIMEOUT|network (request|timeout)|ENOTCACHED")


def run(*argv, check=True, timeout=300):
    done = subprocess.run(argv, cwd=WHERE, capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL)
    if check and done.returncode:
        raise tap.Differ(f"{' '.join(map(str, argv))} ended with {done.returncode}\n{(done.stdout + done.stderr)[-4000:]}")
    return done


def installed():
    """The tools are there, just as the lock says; skips where they cannot be had."""
    if not shutil.which("npm") or not shutil.which("node"):
        raise tap.Skip("there is no node with npm")
    stamp = WHERE / "installed"
    wanted = "".join((SOURCES / name).read_text() for name in LOCKED)
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(WHERE, ignore_errors=True)
        WHERE.mkdir(parents=True)
        for name in LOCKED:
            shutil.copy(SOURCES / name, WHERE)
        try:
            done = run(*INSTALL, check=False)
        except subprocess.TimeoutExpired:
            raise tap.Skip("npm's registry does not answer")
        if done.returncode and UNREACHABLE.search(done.stderr):
            raise tap.Skip(f"npm's registry cannot be reached: {' '.join(done.stderr.split())[:200]}")
        tap.check(done.returncode == 0, f"npm ci: {done.stderr[-3000:]}")
        stamp.write_text(wanted)


def tool(name):
    return str(WHERE / "node_modules/.bin" / name)


def linted(cluster):
    """Spectral's recommended rules find nothing in the contract"""
    installed()
    run(tool("spectral"), "lint", "--ruleset", str(SOURCES / "spectral.yaml"), "--fail-severity", "hint", "--quiet", str(CONTRACT))


# What may be of any type: what is ignored, what is not there yet, the fields of a record in an envelope.
OPEN_TYPES = {"order?: unknown;", "grades?: unknown[] | null;", "[key: string]: unknown;"}


def generate():
    for name in ("client.ts", "tsconfig.json"):
        shutil.copy(SOURCES / name, WHERE)
    run(tool("openapi-typescript"), str(CONTRACT), "--output", "schema.d.ts", "--default-non-nullable=false")
    text = (WHERE / "schema.d.ts").read_text(encoding="utf-8")
    schemas = re.sub(r"/\*.*?\*/", "", text[text.index("    schemas: {"):text.index("    responses: {")], flags=re.S)
    vague = [line.strip() for line in schemas.splitlines() if re.search(r"\b(unknown|any|never)\b", line)]
    tap.equal("types that say nothing", [], [line for line in vague if line not in OPEN_TYPES])


def generated(cluster):
    """a client generated from the contract compiles under strict rules, and does its work against a daemon"""
    installed()
    generate()
    run("node", tool("tsc"), "--project", ".", "--outDir", "out")
    with cluster.database() as db:
        served = db.serve()
        run("node", "out/client.js", f"http://127.0.0.1:{served.port}", served.key_path.read_text().strip(), timeout=60)


if __name__ == "__main__":
    daemon.main([linted, generated])
