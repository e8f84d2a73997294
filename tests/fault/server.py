"""A PostgreSQL of the harness's own, which can be killed, filled up, copied to a standby and promoted.

It listens on a socket in its own folder only. As root it runs as the user postgres. Must not know the daemon.
"""
import atexit
import os
import pwd
import shutil
import signal
import socket
import struct
import subprocess
import time
from pathlib import Path

import daemon
import tap

START_SECONDS = 60
USER = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
AS_USER = {"user": USER.pw_uid, "group": USER.pw_gid, "extra_groups": []} if USER else {}
_running = []


@atexit.register
def end_servers():
    for server in list(_running):
        server.kill()


def children(pid):
    """The processes that `pid` has started and that live."""
    try:
        return [int(x) for x in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def is_there(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (OSError, IndexError):
        return False


def tell(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


class Server:
    """settings: for postgresql.conf. segment: megabytes of a file of the log."""

    DEFAULTS = {"listen_addresses": "", "shared_buffers": "16MB", "max_connections": 60, "max_wal_size": "64MB", "min_wal_size": "32MB",
                "log_checkpoints": "off", "wal_keep_size": "64MB", "max_wal_senders": 4, "hot_standby": "on",
                "wal_retrieve_retry_interval": "100ms"}

    def __init__(self, psql, folder, name, settings=None, segment=16):
        self.bin, self.psql, self.name = Path(psql).parent, psql, name
        self.folder = folder / name
        self.folder.mkdir(mode=0o755)
        self.own(self.folder)
        self.data, self.log_path = self.folder / "data", self.folder / "log"
        self.settings, self.segment, self.process = {**self.DEFAULTS, **(settings or {})}, segment, None

    def own(self, path):
        if USER:
            os.chown(path, USER.pw_uid, USER.pw_gid)

    def program(self, name, *arguments):
        argv = [str(self.bin / name), *map(str, arguments)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=120, cwd=self.folder, **AS_USER)
        tap.check(done.returncode == 0, f"{name}: {done.stderr.strip()[-2000:]}")

    def create(self):
        self.program("initdb", "-D", self.data, "-U", "assay", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync",
                     "--wal-segsize", self.segment)
        return self

    def copy_of(self, primary):
        """A standby of `primary`, which is to be started."""
        shutil.rmtree(self.data, ignore_errors=True)
        self.program("pg_basebackup", "-D", self.data, "-R", "-X", "stream", "-c", "fast", "-d", primary.conninfo("postgres"))
        return self

    def set(self, **settings):
        self.settings.update(settings)
        self.configure()
        if self.alive():
            self.process.send_signal(signal.SIGHUP)

    def configure(self):
        path, main = self.data / "assay.conf", self.data / "postgresql.conf"
        path.write_text("".join(f"{k} = '{v}'\n" for k, v in {**self.settings, "unix_socket_directories": self.folder}.items()))
        self.own(path)
        if "assay.conf" not in main.read_text():
            with open(main, "a", encoding="utf-8") as f:
                f.write("include 'assay.conf'\n")

    def start(self):
        """It may have been killed, or have ended by itself: what is left of it is waited for."""
        self.configure()
        until = time.monotonic() + START_SECONDS
        while not self.answers():
            tap.check(time.monotonic() < until, f"{self.name} does not start:\n{self.tail()}")
            if not self.alive():
                with open(self.log_path, "ab") as log:
                    self.process = subprocess.Popen([str(self.bin / "postgres"), "-D", str(self.data)], stdin=subprocess.DEVNULL, stdout=log,
                                                    stderr=log, preexec_fn=daemon.die_with_parent, **AS_USER)
                if self not in _running:
                    _running.append(self)
            time.sleep(0.02)
        return self

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def tail(self, lines=15):
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:]) if self.log_path.exists() else ""

    def answers(self):
        try:
            self.session("postgres").close()
            return True
        except OSError:
            return False

    def session(self, database):
        """A connection that does nothing but be there. OSError where it is not to be had."""
        s = socket.socket(socket.AF_UNIX)
        try:
            s.settimeout(5)
            s.connect(self.address())
            body = struct.pack("!I", 196608) + b"".join(x.encode() + b"\0" for x in ("user", "assay", "database", database)) + b"\0"
            s.sendall(struct.pack("!I", len(body) + 4) + body)
            said = b""
            while b"Z\0\0\0\5" not in said:
                chunk = s.recv(65536)
                said += chunk
                if not chunk or said[:1] == b"E":
                    raise ConnectionError(f"refused: {said[:200]!r}")
            return s
        except OSError:
            s.close()
            raise

    def address(self):
        return str(self.folder / ".s.PGSQL.5432")

    def conninfo(self, database="assay"):
        return f"host={self.folder} port=5432 user=assay dbname={database}"

    def sql(self, text, database="assay"):
        """Once the server lets in: after a crash of a backend it recovers for a moment."""
        until = time.monotonic() + 30
        while True:
            try:
                return daemon.sql(self.psql, self.conninfo(database), text)
            except tap.Differ as e:
                if "the database system is " not in str(e) or time.monotonic() > until:  # starting up, in recovery, not yet accepting
                    raise
                time.sleep(0.1)

    def backends(self):
        """Of daemons; the ids of their processes."""
        return [int(x) for x, in self.sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'assayd'", "postgres")]

    # --- ends

    def kill(self):
        """kill -9 of all its processes."""
        if self.process is None:
            return
        crew = children(self.process.pid)
        for pid in [self.process.pid, *crew]:
            tell(pid, signal.SIGKILL)
        self.ended(crew)

    def immediate(self):
        """As pg_ctl stop -m immediate: no checkpoint, recovery at the next start."""
        crew = children(self.process.pid)
        self.process.send_signal(signal.SIGQUIT)
        self.ended(crew)

    def ended(self, crew):
        self.process.wait(60)
        until = time.monotonic() + 30
        while any(map(is_there, crew)) and time.monotonic() < until:
            time.sleep(0.005)
        if self in _running:
            _running.remove(self)
        self.process = None

    def signal_crew(self, number):
        for pid in [*children(self.process.pid), self.process.pid]:
            tell(pid, number)

    def promote(self):
        self.sql("SELECT pg_promote(true, 60)", "postgres")
