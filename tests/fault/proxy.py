"""What lies between: a proxy before the database that knows its frontend messages, and one before the daemon that knows requests.

Both pass everything on, unless a rule is set: `proxy.rule`, which is asked about each message or chunk and says what becomes
of it. A rule has `struck` once it has done its work. Must not know what is written, nor judge it.
"""
import socket
import struct
import threading
import time

BEGIN_WRITE = b"BEGIN ISOLATION LEVEL READ COMMITTED"
TLS_OR_GSS = (80877103, 80877104)  # asked for before the startup, and answered by one byte
RECORDED = 16 << 20  # bytes of a connection that are kept for a replay


def close(*sockets):
    for s in sockets:
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        s.close()


def connect(address):
    """address: (host, port), or the path of a socket."""
    if isinstance(address, tuple):
        s = socket.create_connection(address, timeout=30)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    else:
        s = socket.socket(socket.AF_UNIX)
        s.connect(address)
    s.settimeout(None)
    return s


class Proxy:
    def __init__(self, target):
        """target(): where to connect to."""
        self.target, self.rule = target, None
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        self.open, self.lock = set(), threading.Lock()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(near,), daemon=True).start()

    def serve(self, near):
        try:
            far = connect(self.target())
        except OSError:
            close(near)
            return
        link = self.link(near, far)
        with self.lock:
            self.open.add(link)
        try:
            link.run()
        except (OSError, ValueError, EOFError):
            pass
        finally:
            close(near, far)
            with self.lock:
                self.open.discard(link)

    def links(self):
        with self.lock:
            return list(self.open)

    def cut(self):
        for link in self.links():
            link.cut()

    def stop(self):
        close(self.listener)
        self.cut()


class Rule:
    """Passes everything on."""

    def __init__(self):
        self.hits, self.lock = 0, threading.Lock()
        self.struck = threading.Event()

    def chunk(self, link, way, data):
        return data

    def message(self, link, message):
        return None

    def request(self, link, data):
        """-> True: the connection is done with"""
        return False

    def reply(self, link, data):
        return False


# --- the database ------------------------------------------------------------------------------------------------------


def messages(recorded):
    """Frontend messages, the startup among them."""
    at = 0
    while at + 5 <= len(recorded):
        startup = recorded[at] == 0  # lengths below 16 MB begin with 0, types never do
        length = struct.unpack_from("!I", recorded, at + (not startup))[0] + (not startup)
        if not startup or struct.unpack_from("!I", recorded, at + 4)[0] not in TLS_OR_GSS:
            yield bytes(recorded[at:at + length])
        at += length


ROLLBACK = b"Q" + struct.pack("!I", 13) + b"ROLLBACK\0"


def replay(recorded, address):
    """All that a connection said to the database, said to it again; a write transaction that fails does not hinder the next.
    -> how much came back"""
    s = connect(address)
    s.settimeout(3)
    count = [0]

    def read():
        try:
            while chunk := s.recv(65536):
                count[0] += len(chunk)
        except OSError:
            pass

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        s.sendall(b"".join(ROLLBACK + x if BEGIN_WRITE in x else x for x in messages(recorded)))
    except OSError:
        pass
    reader.join(10)
    close(s)
    return count[0]


class DatabaseLink:
    """A connection to the database. Frontend messages are taken apart, so that each is seen before it is passed on."""

    def __init__(self, proxy, near, far):
        self.proxy, self.near, self.far = proxy, near, far
        self.recorded, self.muted, self.step, self.copied = bytearray(), False, None, False

    def cut(self):
        close(self.near, self.far)

    def run(self):
        back = threading.Thread(target=self.answers, daemon=True)
        back.start()
        try:
            self.requests()
        finally:
            self.cut()
            back.join(5)

    def requests(self):
        buffer, started = b"", False
        while chunk := self.near.recv(65536):
            rule = self.proxy.rule
            if rule:
                chunk = rule.chunk(self, "request", chunk)
            buffer += chunk
            out = bytearray()
            while len(buffer) >= started + 4:
                length = started + struct.unpack_from("!I", buffer, started)[0]
                if len(buffer) < length:
                    break
                message, buffer = buffer[:length], buffer[length:]
                rule = self.proxy.rule
                verdict = rule.message(self, message) if started and rule else None
                if verdict is not None:
                    passed, then = verdict
                    self.pass_on(out + (message if passed else b""))
                    then()
                    return
                if not started:
                    started = struct.unpack_from("!I", message, 4)[0] not in TLS_OR_GSS
                out += message
            self.pass_on(out)

    def pass_on(self, out):
        if len(self.recorded) + len(out) <= RECORDED:
            self.recorded += out
        self.far.sendall(out)

    def answers(self):
        try:
            while chunk := self.far.recv(65536):
                rule = self.proxy.rule
                if rule and not self.muted:
                    chunk = rule.chunk(self, "answer", chunk)
                if not self.muted:
                    self.near.sendall(chunk)
        except (OSError, EOFError):
            pass
        self.cut()


class DatabaseProxy(Proxy):
    def link(self, near, far):
        return DatabaseLink(self, near, far)


def says(message, what):
    """A Parse or Query of a statement that begins so."""
    return message[:1] in (b"P", b"Q") and (b"\0" + what in message or message[5:].startswith(what))


class Step(Rule):
    """Strikes at the k-th message of a write transaction, the first one that has so many, counted from its BEGIN.

    passed: the k-th is still passed on. muted: nothing of what the server says from then on is. then(link): what happens.
    copies: only one that copies rows in. `longest`: the most messages that such a transaction had; k 0 only measures.
    `said`: what was struck."""

    def __init__(self, k, passed=True, muted=False, then=None, copies=False):
        super().__init__()
        self.k, self.passed, self.muted, self.then, self.copies = k, passed, muted, then, copies
        self.longest, self.said = 0, ""

    def message(self, link, message):
        if says(message, BEGIN_WRITE):
            link.step, link.copied, link.commit = 0, False, False
        if link.step is None:
            return None
        link.step += 1
        link.copied = link.copied or message[:1] == b"d"
        link.commit = link.commit or says(message, b"COMMIT")
        if self.copies != link.copied:
            return None
        with self.lock:
            self.longest = max(self.longest, link.step)
            # Without a copy before it the k-th itself, not one behind it: the rule may have come in the midst.
            if self.hits or self.k == 0 or link.step < self.k or (link.step > self.k and not self.copies):
                return None
            self.hits, self.said = 1, f"{message[:1].decode()}{' of COMMIT' if link.commit else ''}"
        link.muted = self.muted
        return self.passed, lambda: self.strike(link)

    def strike(self, link):
        try:
            self.then(link)
        finally:
            self.struck.set()


class Bytes(Rule):
    """Strikes the first connection that carries data `way`, after `offset` bytes of it: act(link, way, head), head being what
    came before."""

    def __init__(self, way, offset, act):
        super().__init__()
        self.way, self.offset, self.act = way, offset, act

    def chunk(self, link, way, data):
        with self.lock:
            if way != self.way or self.hits:
                return data
            if self.offset >= len(data):
                self.offset -= len(data)
                return data
            self.hits = 1
        try:
            self.act(link, link.near if way == "answer" else link.far, data[:self.offset])
            link.cut()
        finally:
            self.struck.set()
        raise EOFError


def cut_after(link, to, head):
    """What came before the cut still arrives."""
    to.sendall(head)


def truncate(link, to, head):
    """That side sees a stream that ends in good order, but too early."""
    to.sendall(head)
    to.shutdown(socket.SHUT_WR)
    time.sleep(0.3)


def hold(seconds):
    """As a network that swallows everything: the stream stands still, then the connection is gone."""
    return lambda link, to, head: time.sleep(seconds)


class Delay(Rule):
    """Each chunk is late by seconds(), for as long as the rule is set."""

    def __init__(self, seconds):
        super().__init__()
        self.seconds = seconds

    def chunk(self, link, way, data):
        time.sleep(self.seconds())
        return data


# --- the clients -------------------------------------------------------------------------------------------------------


def read_message(f):
    """A whole HTTP message whose body has a Content-Length, as bytes; None at the end."""
    head = bytearray()
    while not head.endswith(b"\r\n\r\n"):
        line = f.readline()
        if not line:
            return None
        head += line
    length = next((int(x.split(b":")[1]) for x in head.lower().split(b"\r\n") if x.startswith(b"content-length:")), 0)
    body = f.read(length)
    return bytes(head + body) if len(body) == length else None


class ClientLink:
    """A client's connection: a request, its reply, the next."""

    def __init__(self, proxy, near, far):
        self.proxy, self.near, self.far = proxy, near, far

    def cut(self):
        close(self.near, self.far)

    def run(self):
        asked, answered = self.near.makefile("rb"), self.far.makefile("rb")
        while request := read_message(asked):
            rule = self.proxy.rule
            if rule and rule.request(self, request):
                return
            self.far.sendall(request)
            reply = read_message(answered)
            rule = self.proxy.rule
            if reply is None or (rule and rule.reply(self, reply)):
                return
            self.near.sendall(reply)


class ClientProxy(Proxy):
    def link(self, near, far):
        return ClientLink(self, near, far)


class ClientRule(Rule):
    """Strikes so many requests, or their replies."""

    def __init__(self, rng, most):
        super().__init__()
        self.rng, self.most = rng, most

    def mine(self):
        with self.lock:
            if self.hits >= self.most:
                return False
            self.hits += 1
            if self.hits == self.most:
                self.struck.set()
            return True

    def part(self, data):
        return data[:self.rng.randrange(len(data))]


class CutRequests(ClientRule):
    """Both sides lose the connection within a request."""

    def request(self, link, data):
        if not self.mine():
            return False
        link.far.sendall(self.part(data))
        link.cut()
        return True


class CutReplies(ClientRule):
    """The request arrives; of its reply there is some, or nothing."""

    def reply(self, link, data):
        if not self.mine():
            return False
        link.near.sendall(self.part(data))
        link.cut()
        return True


class TruncateRequests(ClientRule):
    """The daemon sees a request that ends too early; whatever it says to that reaches the client."""

    def request(self, link, data):
        if not self.mine():
            return False
        link.far.sendall(self.part(data))
        link.far.shutdown(socket.SHUT_WR)
        link.far.settimeout(5)
        while chunk := link.far.recv(65536):
            link.near.sendall(chunk)
        return True


class DuplicateRequests(ClientRule):
    """The whole request is sent once more on another connection, before the first or together with it or after it."""

    def request(self, link, data):
        if not self.mine():
            return False
        when = self.rng.choice((-1, 0, 1))

        def again():
            time.sleep(0.05 if when > 0 else 0)
            try:
                s = connect(link.proxy.target())
                s.sendall(data)
                s.settimeout(30)
                s.recv(65536)
                close(s)
            except OSError:
                pass

        t = threading.Thread(target=again, daemon=True)
        t.start()
        if when < 0:
            t.join(30)
        return False


class DelayRequests(ClientRule):
    """Requests or replies come late."""

    def late(self):
        if self.mine():
            time.sleep(self.rng.uniform(0, 0.4))
        return False

    def request(self, link, data):
        return self.late()

    def reply(self, link, data):
        return self.late()
