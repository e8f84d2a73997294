#!/usr/bin/env python3
"""Dockerfile and docker/compose.yaml held against ./dev, meson, the program and its settings. Needs no container engine.

    test_container.py ASSAYD [WORD…]
"""
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import tap
import yaml

ROOT = Path(__file__).resolve().parents[2]
ASSAYD = os.path.abspath(sys.argv[1])
COMPOSE = yaml.safe_load((ROOT / "docker/compose.yaml").read_text())


def steps():
    """The Dockerfile's instructions by stage: {stage: [(instruction, rest)…]}; stages without a name by number."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.M).replace("\\\n", " ")
    stages, current = {}, None
    for line in filter(None, map(str.strip, text.splitlines())):
        word, rest = line.split(None, 1)
        if word == "FROM":
            name = re.search(r" AS (\S+)$", rest)
            current = stages.setdefault(name[1] if name else str(len(stages)), [])
        if current is not None:
            current.append((word, rest))
    return stages


STAGES = steps()
TEXT = {name: "\n".join(f"{a} {b}" for a, b in rows) for name, rows in STAGES.items()}


def run(*argv, **options):
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, cwd=ROOT, **options)
    tap.check(done.returncode == 0, f"{argv}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def installed_of(stage):
    found = re.findall(r"apt-get install -y --no-install-recommends ([^&\n]*)", TEXT[stage])
    return sorted(" ".join(found).split())


def build_packages():
    """what is needed to build is ./dev's list, said there alone; what runs the server is the package it says"""
    listed = run("./dev", "packages").split()
    tap.check({"gcc", "libcurl4-openssl-dev", "meson"} <= set(listed), listed)
    tap.equal("build stage", ["$(./dev", "build)", "packages"], installed_of("build"))
    for stage, text in TEXT.items():
        for package in listed:
            tap.check(stage in ("runtime",) and package == "tzdata" or not re.search(rf"\s{re.escape(package)}\s", text),
                      f"stage {stage} names {package}, which is ./dev's to name")
    tap.equal("embedded stage", run("./dev", "packages", "server").split(), installed_of("embedded"))
    contexts = [rest for word, rest in STAGES["build"] if word == "COPY"]
    tap.equal("copied", ["dev ./", ". ."], contexts)


def runtime_packages():
    """what is needed to run is what the program links, besides time zones and certificates"""
    needed = re.findall(r"NEEDED +(\S+)", run("objdump", "-p", ASSAYD))
    ours = [x for x in needed if not re.match(r"lib(c|m|asan|ubsan|tsan|gcc_s)\.so|ld-", x)]
    tap.check(any("microhttpd" in x for x in ours) and any("curl" in x for x in ours), needed)
    if not shutil.which("dpkg-query"):
        raise tap.Skip("not a Debian: which package a library is of cannot be asked")
    packages = {run("dpkg-query", "-S", f"*/{x}").split(":")[0] for x in ours}
    tap.equal("runtime stage", sorted(packages | {"ca-certificates", "tzdata"}), installed_of("runtime"))


def image():
    """the image: not root, a fixed number, its paths are meson's, its health and settings are the program's"""
    default = list(STAGES)[-1]
    tap.equal("last stage is the runtime", "FROM runtime", TEXT[default])
    for stage in ("runtime", "embedded"):
        users = [rest for word, rest in STAGES[stage] if word == "USER"]
        tap.equal(f"{stage} runs as", "10001:10001", users[-1])
    text = TEXT["runtime"]
    for part in ("--uid 10001", "--gid 10001", "STOPSIGNAL SIGTERM", "VOLUME /var/lib/assay", 'ENTRYPOINT ["assayd"]', 'CMD ["serve"]',
                 "COPY --from=build /out/ /"):
        tap.check(part in text, f"{part} is not in the runtime stage")
    tap.check("RUN ./dev install /out" in TEXT["build"], "the build stage installs elsewhere")
    tap.check("--prefix=/usr" in (ROOT / "dev").read_text(), "./dev install puts it elsewhere than on the PATH")
    said = run("/usr/bin/env", "-i", ASSAYD, "health", "--help")
    health = re.search(r'HEALTHCHECK.* CMD \["assayd", (.*)\]', text)[1]
    for option in re.findall(r"--[a-z-]+", health):
        tap.check(option in said, f"assayd health has no {option}")
    tap.check("curl" not in re.sub(r"libcurl4", "", text), "the image has no curl to ask with")
    environment = dict(x.split("=", 1) for word, rest in STAGES["runtime"] if word == "ENV" for x in shlex.split(rest))
    check_settings("Dockerfile", environment)
    ignored = (ROOT / ".dockerignore").read_text().split()
    for secret in (".git", "build", "docker", "tests"):
        tap.check(secret in ignored, f"{secret} goes into the context")
    for needed in ("dev", "meson.build", "src", "include", "sql", "api"):
        tap.check(needed not in ignored and (ROOT / needed).exists(), f"{needed} does not go into the context")


def variables():
    """Every variable assayd looks at, by its own help."""
    text = "".join(run(ASSAYD, c, "--help") for c in ("serve", "load"))
    return set(re.findall(r"\b(ASSAY_[A-Z_]+)\b", text))


def check_settings(where, environment):
    for name in environment:
        if name.startswith("ASSAY_"):
            tap.check(name in variables(), f"{where}: assayd knows no {name}")


def compose():
    """compose: settings that exist, secrets by file, healthy before started, bounds, nothing open to the world, no rights"""
    services = COMPOSE["services"]
    tap.equal("services", {"database", "assayd", "sample"}, set(services))
    for name, s in services.items():
        environment = {k: str(v) for k, v in s["environment"].items()}
        check_settings(name, environment)
        for key, value in environment.items():
            tap.check(not re.search("PASSWORD$|KEY$|DATABASE_URL$", key), f"{name}: {key} is a secret in clear")
            if value.startswith("/run/secrets/"):
                secret = value.rsplit("/", 1)[1]
                tap.check(secret in s["secrets"] and secret in COMPOSE["secrets"], f"{name}: {key} names a secret it does not have")
        tap.check({"cpus", "memory"} <= set(s["deploy"]["resources"]["limits"]), f"{name} has no bounds")
        tap.check("healthcheck" in s or name == "assayd", f"{name}: no word of its health")  # assayd's is the image's
        for other, how in s.get("depends_on", {}).items():
            tap.equal(f"{name} waits for {other}", "service_healthy", how["condition"])
        tap.check(all(p.startswith("127.0.0.1:") for p in s.get("ports", [])), f"{name} is open to the world")
        if name != "database":
            tap.check(s["read_only"] and s["cap_drop"] == ["ALL"] and s["image"] == "assay", f"{name} has rights it does not need")
    tap.equal("restart", ["unless-stopped", "unless-stopped", "no"], [services[x]["restart"] for x in ("database", "assayd", "sample")])
    made = (ROOT / "docker/secrets.sh").read_text()
    for name, secret in COMPOSE["secrets"].items():
        tap.equal("secret's file", f"./secrets/{name}", secret["file"])
        tap.check(f"secrets/{name}" in made, f"docker/secrets.sh makes no {name}")
    tap.check("/docker/secrets/" in (ROOT / ".gitignore").read_text().split(), "the secrets could be committed")
    # What it runs is what the program takes.
    grace = int(services["assayd"]["stop_grace_period"].rstrip("s"))
    tap.check(grace > int(services["assayd"]["environment"]["ASSAY_DRAIN_SECONDS"]), "killed before it has drained")
    script = services["sample"]["command"][0]
    for command, rest in re.findall(r"assayd (\w+) (.*)", script):
        said = run(ASSAYD, command, "--help")
        for option in re.findall(r"--[a-z-]+", rest):
            tap.check(option in said, f"assayd {command} has no {option}")


def sample_script():
    """compose: the sample's script makes the files that it loads; its secrets are such as assayd takes"""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        script = COMPOSE["services"]["sample"]["command"][0].replace("/tmp/network", f"{folder}/network")
        shim = Path(folder) / "assayd"
        shim.write_text(f'#!/bin/sh\nif [ "$1" = load ]; then printf "%s\\n" "$@" >{folder}/loaded; else exec {ASSAYD} "$@"; fi\n')
        shim.chmod(0o755)
        run("/bin/sh", "-ec", script, env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"})
        loaded = [x for x in (Path(folder) / "loaded").read_text().split() if x.endswith("json")]
        tap.equal("loaded", sorted(os.listdir(f"{folder}/network")), sorted(loaded))
        shutil.copy(ROOT / "docker/secrets.sh", folder)
        run(f"{folder}/secrets.sh")
        secrets = {p.name: p.read_text() for p in (Path(folder) / "secrets").iterdir()}
        tap.equal("made", set(COMPOSE["secrets"]), set(secrets))
        tap.check(secrets["database_password"] in secrets["database_url"] and len(secrets["database_password"]) == 64, secrets)
        run(f"{folder}/secrets.sh")
        tap.equal("made once", secrets, {p.name: p.read_text() for p in (Path(folder) / "secrets").iterdir()})
        env = {"ASSAY_ADMIN_KEY_FILE": f"{folder}/secrets/admin_key", "ASSAY_DATABASE_URL_FILE": f"{folder}/secrets/database_url",
               "ASSAY_LISTEN": "0.0.0.0:8080", "ASSAY_STATE_DIR": "/var/lib/assay"}
        tap.check("the settings are sound" in run(ASSAYD, "check-config", env={**os.environ, **env}), "check-config")


def parses():
    """compose: docker-compose reads it"""
    if not shutil.which("docker-compose"):
        raise tap.Skip("docker-compose is not here")
    out = run("docker-compose", "-f", "docker/compose.yaml", "config")
    tap.equal("services", set(COMPOSE["services"]), set(yaml.safe_load(out)["services"]))


named = [(f.__doc__, f) for f in (build_packages, runtime_packages, image, compose, sample_script, parses)]
sys.exit(tap.run(named, sys.argv[2:]))
