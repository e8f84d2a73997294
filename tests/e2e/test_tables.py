#!/usr/bin/env python3
"""Tables over real sockets: in pieces of any size, in GB18030 and gzip; a body that is cut off leaves nothing behind.

    test_tables.py ASSAYD [WORD…]
"""
import gzip
import random
import socket
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import daemon
import tap
from daemon import ROUTES
from records import PROVIDERS

EVENTS = ROUTES["repair"]
HEADER = "编号,类型,服务商,维修单,时间,渠道,产品,结单结果\r\n"


def table(first, orders):
    rows = [HEADER]
    for i in range(first, first + orders):
        rows.append(f'o{i},开单,R{1 + i % 2},W{i},2001/2/{1 + i % 27} 9:{i % 60:02},送修,"打印机 ""{i}""",\r\n'
                    f"c{i},结单,R{1 + i % 2},W{i},2001/2/{2 + i % 27} 16:00:00,,,修复\r\n")
    return "".join(rows)


def pieces(body, most):
    """The body in pieces of 1 to `most` bytes."""
    at = 0
    while at < len(body):
        n = random.randint(1, most)
        yield body[at:at + n]
        at += n


def post(client, body, most, encoding=None, charset=None):
    """Chunked, as a sender does that does not know how much will come."""
    headers = {"Content-Encoding": encoding} if encoding else {}
    kind = "text/csv" + (f"; charset={charset}" if charset else "")
    return client.send("POST", EVENTS + "?time_zone=Asia/Shanghai", pieces(body, most), kind, headers)


def over_sockets(cluster):
    """The same table in UTF-8, GB18030 and gzip, in pieces of any size, is the same upload"""
    random.seed(1)
    with cluster.database() as db:
        served = db.serve()
        d = tap.Differences()
        text = table(0, 1500)
        forms = [(text.encode("gb18030"), 3000, None, "gb2312"), (text.encode("utf-8-sig"), 700, None, None),
                 (text.encode("gb18030"), 60000, None, None), (gzip.compress(text.encode()), 97, "gzip", None),
                 (gzip.compress(text.encode("gb18030")[:5000]) + gzip.compress(text.encode("gb18030")[5000:]), 3000, "gzip", "GBK")]
        with served.client() as client:
            client.register(PROVIDERS)
            for i, (body, most, encoding, charset) in enumerate(forms):
                reply = post(client, body, most, encoding, charset)
                tap.equal(f"form {i}: status", 200, reply.status)
                said = reply.json()
                d.equal(f"form {i}: numbers", [3000, 0 if i else 3000, 3000 if i else 0, 0],
                        [said[k] for k in ("received", "accepted", "duplicates", "rejected")])
        d.finish()
        db.verify(3000)


def padded(text):
    """With a column that is ignored and hardly shrinks, so that the body is too large to wait for its end in memory."""
    head, *rows = text.splitlines()
    return "\r\n".join([head + ",_pad"] + [f"{row},{random.randbytes(500).hex()}" for row in rows]).encode()


def wait_for(what, wanted):
    for _ in range(200):
        if what() == wanted:
            return
        time.sleep(0.05)
    tap.equal("in the end", wanted, what())


def cut_off(cluster):
    """A table whose sender goes away, or whose gzip ends early, is interrupted: no row of it is taken, and all may be sent again"""
    with cluster.database() as db:
        served = db.serve()
        body = gzip.compress(padded(table(0, 3000)))
        with served.client() as client:
            client.register(PROVIDERS)
            reply = client.send("POST", EVENTS + "?time_zone=Asia/Shanghai", body[:-10], "text/csv", {"Content-Encoding": "gzip"})
            tap.equal("cut gzip", [400, "invalid_gzip"], [reply.status, reply.json()["code"]])
            head = (f"POST {EVENTS}?time_zone=Asia/Shanghai HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {client.key}\r\n"
                    f"Content-Type: text/csv\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n").encode()
            with socket.create_connection(("127.0.0.1", served.port)) as s:
                s.sendall(head + body[:len(body) * 2 // 3])
            wait_for(lambda: db.sql("SELECT status, count(*) FROM upload GROUP BY status"), [["interrupted", "2"]])
            tap.equal("records", [["0"]], db.sql("SELECT count(*) FROM record"))
            reply = client.send("POST", EVENTS + "?time_zone=Asia/Shanghai", body, "text/csv", {"Content-Encoding": "gzip"})
            tap.equal("sent again", [200, 6000, 0], [reply.status, reply.json()["accepted"], reply.json()["rejected"]])
        db.verify(6000)


if __name__ == "__main__":
    daemon.main([over_sockets, cut_off])
