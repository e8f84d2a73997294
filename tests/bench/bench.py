#!/usr/bin/env python3
"""bench.py -- what the daemon costs, beside a baseline in the same run on the same machine and the same PostgreSQL.

Each case runs in rounds; a round has the case and its baseline, one after the other, the first changing from round to
round. Prints the medians and the ratios, and leaves everything measured in --out (JSON). The cluster is the daemon's own
embedded one with the settings it ships; what they are is measured too, not assumed.
"""
import argparse
import glob
import http.client
import json
import os
import platform
import re
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time

CONNECTIONS = 64
READERS = 4  # of the ranking: the daemon's workers and one that waits
PROVIDERS = 1000
RECORDS_PER_ORDER = 7.2  # of the made-up network, repair events alone
BARE_TAG = '"0123456789abcdef0123456789abcdef"'  # bare.c
SCHEME, PERIOD = 'hp-gold-fy01', '2001-02'
TICKS = os.sysconf('SC_CLK_TCK')
CORES = os.cpu_count()
SETTINGS = ('fsync', 'synchronous_commit', 'full_page_writes', 'wal_level', 'wal_sync_method', 'commit_delay', 'shared_buffers',
            'max_wal_size', 'checkpoint_timeout', 'work_mem', 'autovacuum', 'max_connections')
# The parameters of the daemon's query of a window: the scheme, the months and the openings of PERIOD.
WINDOW = ('1', str(2000 * 12 + 11), str(2001 * 12 + 1), "'2000-12-01 00:00:00+08'", "'2001-03-01 00:00:00+08'")

PGBENCH_ROW = r"""
\set provider random(1, {providers})
\set number random(1, 9223372036854775807)
\set order random(1, 99999999)
INSERT INTO bench.one (seq, at, received_at, provider_id, kind, type, party, id, order_no, content)
VALUES (:order, now(), now(), :provider, 1, 2, 4, lpad(to_hex(:number::int8), 16, '0'), 'B' || lpad(:order::text, 8, '0'),
        '{content}');
"""


def die(text):
    sys.exit(f'bench: {text}')


def say(text):
    print(text, file=sys.stderr, flush=True)


# --- who used the processors -----------------------------------------------------------------------------------------------


def process_stat(pid):
    """(parent, own seconds, seconds of children it has buried), or None where it has gone."""
    try:
        with open(f'/proc/{pid}/stat', encoding='ascii', errors='replace') as f:
            fields = f.read().rpartition(')')[2].split()
    except OSError:
        return None
    utime, stime, cutime, cstime = (int(x) / TICKS for x in fields[11:15])
    return int(fields[1]), utime + stime, cutime + cstime


def cpu_of_tree(root):
    """Of a process and all its children, also those that have ended."""
    total = 0.0
    for pid in filter(str.isdigit, os.listdir('/proc')):
        stat = process_stat(pid)
        if stat and int(pid) == root:
            total += stat[1] + stat[2]
        elif stat and stat[0] == root:
            total += stat[1]
    return total


def cpu_of_machine():
    with open('/proc/stat', encoding='ascii') as f:
        user, nice, system, _idle, _iowait, irq, softirq, steal = (int(x) / TICKS for x in f.readline().split()[1:9])
    return user + nice + system + irq + softirq + steal


def cpu_of_clients():
    """This program and the clients it has started and waited for."""
    return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


# --- the daemon and its database ---------------------------------------------------------------------------------------------


def make_state(assayd, state):
    """A fresh state folder whose cluster takes as many clients as the baseline has."""
    shutil.rmtree(state, ignore_errors=True)
    os.makedirs(state)
    Daemon(assayd, state).stop()
    with open(os.path.join(state, 'postgres', 'postgresql.conf'), 'a', encoding='utf-8') as f:
        f.write(f'max_connections = {CONNECTIONS + 40}\n')


class Daemon:
    def __init__(self, assayd, state):
        self.assayd, self.state = assayd, os.path.abspath(state)
        self.log = open(os.path.join(self.state, 'assayd.log'), 'w+b')
        self.process = subprocess.Popen([assayd, 'serve', '--listen', '127.0.0.1:0', '--state-dir', self.state],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        self.port = self.await_listening()
        self.key_file = os.path.join(self.state, 'admin.key')
        with open(self.key_file, encoding='ascii') as f:
            self.key = f.read().strip()
        with open(os.path.join(self.state, 'postgres', 'postmaster.pid'), encoding='utf-8') as f:
            notes = f.read().splitlines()
        self.postmaster = int(notes[0])
        self.database = f'host={notes[4]} port={notes[3]} user=assay dbname=assay'
        self.environment = dict(os.environ, PGHOST=notes[4], PGPORT=notes[3], PGUSER='assay', PGDATABASE='assay')

    def await_listening(self):
        for _ in range(1200):
            with open(self.log.name, encoding='utf-8', errors='replace') as f:
                found = re.search(r'listening.*?http://127\.0\.0\.1:(\d+)', f.read())
            if found:
                return int(found.group(1))
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        with open(self.log.name, encoding='utf-8', errors='replace') as f:
            die('the daemon did not start:\n' + f.read())

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(90)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def request(self, method, path, body=None, headers=None, expect=(200,)):
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=3600, blocksize=1 << 18)
        connection.request(method, path, body, {'Authorization': 'Bearer ' + self.key, **(headers or {})})
        reply = connection.getresponse()
        text = reply.read()
        connection.close()
        if reply.status not in expect:
            die(f'{method} {path}: {reply.status}\n{text.decode(errors="replace")[:2000]}')
        return reply, text

    def upload(self, path, file):
        """A file of NDJSON; all of it must be taken."""
        with open(file, 'rb') as f:
            size = os.fstat(f.fileno()).st_size
            _, text = self.request('POST', path, f, {'Content-Type': 'application/x-ndjson', 'Content-Length': str(size)})
        reply = json.loads(text)
        if reply['accepted'] != reply['received'] or not reply['received']:
            die(f'{file}: not all was taken: {text.decode()[:1000]}')
        return reply['accepted']

    def metric(self, name):
        _, text = self.request('GET', '/metrics')
        found = re.search(rf'^{name} (\S+)$', text.decode(), re.M)
        return float(found.group(1)) if found else 0.0

    def resident_bytes(self):
        with open(f'/proc/{self.process.pid}/status', encoding='ascii') as f:
            return int(re.search(r'^VmRSS:\s+(\d+)', f.read(), re.M).group(1)) * 1024

    def sql(self, text):
        """What a query answers: its first column, a line a row."""
        run = subprocess.run(['psql', '-qAtX', '-v', 'ON_ERROR_STOP=1', '-c', text], env=self.environment, capture_output=True, text=True)
        if run.returncode:
            die(f'{text}\n{run.stderr}')
        return run.stdout.strip()

    def client(self, argv, **how):
        """A client program of the database, to its end."""
        run = subprocess.run(argv, env=self.environment, text=True, stderr=subprocess.PIPE, **{'stdout': subprocess.PIPE, **how})
        if run.returncode:
            die(f'{" ".join(argv)}\n{run.stdout or ""}{run.stderr}')
        return run.stdout or ''


def await_idle(seconds):
    """Until others use next to nothing of the machine, but no longer than this."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        before = cpu_of_machine()
        time.sleep(0.5)
        if (cpu_of_machine() - before) / 0.5 < CORES * 0.1:
            return


class Meter:
    """What a stretch of work cost: seconds, processor seconds by who used them, and what the database wrote."""

    def __init__(self, daemon):
        self.daemon = daemon

    def look(self):
        d = self.daemon
        wal = d.sql('SELECT wal_bytes || \' \' || wal_sync FROM pg_stat_wal').split()
        return {'postgres': cpu_of_tree(d.postmaster), 'assayd': process_stat(d.process.pid)[1], 'clients': cpu_of_clients(),
                'machine': cpu_of_machine(), 'wal_bytes': float(wal[0]), 'wal_syncs': float(wal[1]),
                'batches': d.metric('assay_committer_batches_total'), 'at': time.monotonic()}

    def measure(self, work):
        before = self.look()
        out = work()
        after = self.look()
        spent = {k: after[k] - before[k] for k in before}
        spent['elsewhere'] = max(0.0, spent['machine'] - spent['postgres'] - spent['assayd'] - spent['clients'])
        spent['cores'] = {k: spent[k] / spent['at'] for k in ('assayd', 'postgres', 'clients', 'elsewhere')}
        return {**out, 'cost': spent}


# --- what is run ---------------------------------------------------------------------------------------------------------------


class Bench:
    def __init__(self, args, daemon, work):
        self.args, self.daemon, self.work = args, daemon, work
        self.meter = Meter(daemon)
        self.events = 0  # posted one by one so far
        self.loaded = 0  # records in the database
        self.written = 0  # records between readings of the ranking

    # preparation, not measured

    def make_network(self):
        """The made-up network, its events cut to the number wanted and put in order of time."""
        orders = int(self.args.records / RECORDS_PER_ORDER * 1.03) + 50
        out = os.path.join(self.work, 'sample')
        subprocess.run([self.args.assayd, 'sample', '--providers', str(PROVIDERS), '--orders', str(orders), '--seed', '1', '--out', out],
                       check=True, stderr=subprocess.DEVNULL)
        at = re.compile(rb'"at":"([^"]+)"')
        with open(f'{out}/events.ndjson', 'rb') as f:
            lines = f.readlines()
        if len(lines) < self.args.records:
            die(f'the made-up network has {len(lines)} events only')
        lines = lines[:self.args.records]
        lines.sort(key=lambda line: at.search(line).group(1))  # all of one offset from UTC
        with open(f'{out}/events.ndjson', 'wb') as f:
            f.writelines(lines)
        codes = dict.fromkeys(json.loads(line)['code'] for line in open(f'{out}/providers.ndjson', encoding='utf-8'))
        with open(f'{self.work}/codes', 'w', encoding='ascii') as f:
            f.writelines(code + '\n' for code in codes)

    def register(self):
        with open(f'{self.work}/sample/providers.ndjson', 'rb') as f:
            self.daemon.request('POST', '/v1/providers', f.read(), {'Content-Type': 'application/x-ndjson'}, (200, 201))
        with open(f'{self.work}/sample/rates.json', 'rb') as f:
            self.daemon.request('PUT', '/v1/rates/fy01-labour', f.read(), {'Content-Type': 'application/json'}, (200, 201))
        self.daemon.sql('CREATE SCHEMA bench; CREATE TABLE bench.bulk (LIKE record INCLUDING ALL); '
                        'CREATE TABLE bench.one (LIKE record INCLUDING ALL)')

    def forget_records(self):
        """An empty network again: everything that hangs on records, whatever tables there are for it."""
        tables = self.daemon.sql("SELECT string_agg(DISTINCT c.oid::regclass::text, ', ') FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
                                 "WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND a.attname IN ('provider_id', 'upload_id') "
                                 "AND c.relname NOT IN ('provider', 'provider_version')")
        self.daemon.sql(f'TRUNCATE {tables}')

    def complete(self):
        """After the bulk case: the rest of the network, and the tables as they are after a night."""
        if not self.loaded:
            self.post_bulk()
        for path, file in (('ccc-dispatches', 'dispatches'), ('survey-responses', 'surveys')):
            self.loaded += self.daemon.upload(f'/v1/{path}', f'{self.work}/sample/{file}.ndjson')
        self.daemon.sql('INSERT INTO bench.one SELECT * FROM record')
        self.write_row_script()
        for table in ('', 'bench.one'):
            self.daemon.sql(f'VACUUM (ANALYZE) {table}')
        self.daemon.sql('CHECKPOINT')

    def write_row_script(self):
        """The baseline's rows are of the records' mean size."""
        content = self.daemon.sql('SELECT content FROM record, (SELECT avg(length(content)) AS n FROM record) a '
                                  'ORDER BY abs(length(content) - n), id LIMIT 1')
        with open(f'{self.work}/row.sql', 'w', encoding='utf-8') as f:
            f.write(PGBENCH_ROW.format(providers=PROVIDERS, content=content.replace("'", "''")))

    # the measured things; each gives {'rate': ...}

    def load(self, *argv, port=None):
        command = [self.args.load, '--port', str(port or self.daemon.port), '--connections', str(CONNECTIONS), '--key', self.daemon.key_file, *argv]
        run = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        if run.returncode:
            die(f'the load generator failed: {" ".join(argv)}\n{run.stdout}')
        return json.loads(run.stdout)

    def post_events(self, seconds=None):
        out = self.load('--providers', f'{self.work}/codes', '--first', str(self.events), '--seconds', str(seconds or self.args.seconds))
        self.events = out['next_event']
        return out

    def insert_rows(self):
        return self.pgbench(f'{self.work}/row.sql', CONNECTIONS)

    def pgbench(self, script, clients):
        text = self.daemon.client(['pgbench', '-n', '-M', 'prepared', '-c', str(clients), '-j', '2', '-T', str(self.args.seconds), '-f', script])
        rate = re.search(r'^tps = ([\d.]+) \(without', text, re.M)
        count = re.search(r'actually processed: (\d+)', text)
        failed = re.search(r'failed transactions: (\d+)', text)
        if not rate or not count or (failed and int(failed.group(1))):
            die(f'pgbench:\n{text}')
        latency = re.search(r'latency average = ([\d.]+) ms', text)
        return {'rate': float(rate.group(1)), 'requests': int(count.group(1)), 'mean_us': float(latency.group(1)) * 1000}

    def timed(self, count, work):
        start = time.monotonic()
        work()
        seconds = time.monotonic() - start
        return {'rate': count / seconds, 'seconds': seconds, 'requests': count}

    def post_bulk(self):
        self.loaded = self.args.records
        return self.timed(self.args.records, lambda: self.daemon.upload('/v1/repair-events', f'{self.work}/sample/events.ndjson'))

    def export_bulk(self, name, order):
        file = f'{self.work}/{name}.copy'
        if not os.path.exists(file):
            self.daemon.client(['psql', '-qX', '-c', f"\\copy (SELECT * FROM record {order}) TO '{file}'"])
        return file

    def copy_bulk(self, file):
        return self.timed(self.args.records, lambda: self.daemon.client(['psql', '-qX', '-c', f"\\copy bench.bulk FROM '{file}'"]))

    def evaluation_path(self):
        return f'/v1/providers/{self.first_code()}/evaluations/{SCHEME}/{PERIOD}'

    def first_code(self):
        with open(f'{self.work}/codes', encoding='ascii') as f:
            return f.readline().strip()

    def get(self, path, *argv, **how):
        return self.load('--get', path, '--seconds', str(self.args.seconds), *argv, **how)

    def rank_path(self):
        return f'/v1/evaluations/{SCHEME}/{PERIOD}?sort=rank&limit=1000'

    def get_ranking(self, *argv):
        return self.get(self.rank_path(), '--connections', str(READERS), *argv)

    def rank_after_writes(self):
        """The ranking, each time after one record of one provider; only the ranking's time counts."""
        reader = http.client.HTTPConnection('127.0.0.1', self.daemon.port, timeout=60, blocksize=1 << 18)
        reader.connect()
        reader.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with open(f'{self.work}/codes', encoding='ascii') as f:
            codes = f.read().split()
        spent, count, until, tag = 0.0, 0, time.monotonic() + self.args.seconds, None
        key = {'Authorization': 'Bearer ' + self.daemon.key}
        while time.monotonic() < until:
            self.written += 1
            n = self.written
            event = {'id': f'after-{n}', 'type': 'order.opened', 'provider': codes[n * 7919 % len(codes)], 'order': f'AFTER-{n}',
                     'at': '2001-02-05T09:00:00+08:00', 'channel': 'walk_in', 'product': 'server'}
            reader.request('POST', '/v1/repair-events', json.dumps(event), {**key, 'Content-Type': 'application/json'})
            reply = reader.getresponse()
            reply.read()
            if reply.status != 201:
                die(f'one record: {reply.status}')
            start = time.monotonic()
            reader.request('GET', self.rank_path(), headers={**key, **({'If-None-Match': tag} if tag else {})})
            reply = reader.getresponse()
            reply.read()
            spent += time.monotonic() - start
            if reply.status != 200:
                die(f'the ranking after a write: {reply.status}')
            tag = reply.getheader('ETag')
            count += 1
        reader.close()
        return {'rate': count / spent, 'seconds': spent, 'requests': count}

    def query_window(self):
        script = f'{self.work}/window.sql'
        with open(os.path.join(self.args.source, 'sql', 'queries', 'tally_window.sql'), encoding='utf-8') as f:
            query = re.sub(r'--.*', '', f.read())
        if len(set(re.findall(r'\$\d', query))) != len(WINDOW):
            die('the query of a window has other parameters than this program knows')
        query = re.sub(r'\$(\d)', lambda m: WINDOW[int(m.group(1)) - 1], query)
        with open(script, 'w', encoding='utf-8') as f:
            f.write(' '.join(query.split()) + '\n')
        return self.pgbench(script, READERS)

    def count_records(self):
        return int(self.daemon.sql('SELECT count(*) FROM record'))

    def verify(self):
        count = self.count_records()
        return self.timed(count, lambda: self.daemon.client([self.args.assayd, 'recompute', '--verify', '--database-url', self.daemon.database]))

    def copy_out(self):
        count = self.count_records()
        columns = 'seq, at, received_at, upload_id, provider_id, kind, type, party, id, order_no, content'
        return self.timed(count, lambda: self.daemon.client(
            ['psql', '-qX', '-c', f'COPY (SELECT {columns} FROM record) TO STDOUT (FORMAT binary)'], stdout=subprocess.DEVNULL))

    # rounds

    def rounds(self, what):
        """what: [(name, prepare, work)]; the runs of each name, and a line a round."""
        runs = {name: [] for name, _, _ in what}
        for i in range(self.args.rounds):
            for name, prepare, work in what[::1 if i % 2 == 0 else -1]:
                if prepare:
                    prepare()
                if self.args.patient:
                    await_idle(60)
                runs[name].append(self.meter.measure(work))
            say('    round %d: %s' % (i + 1, ', '.join(f'{n} {figure(runs[n][-1]["rate"])}/s' for n, _, _ in what)))
        return runs

    def bulk(self):
        def export():
            self.export_bulk('stored', '')
            self.export_bulk('time', 'ORDER BY at, provider_id, kind, id')
            self.daemon.sql('TRUNCATE bench.bulk')
            self.daemon.sql('CHECKPOINT')

        def empty():
            self.forget_records()
            self.daemon.sql('CHECKPOINT')

        empty()
        self.post_bulk()  # what the baseline copies; also warms up
        return self.rounds([('case', empty, self.post_bulk),
                            ('copy, rows as stored', export, lambda: self.copy_bulk(f'{self.work}/stored.copy')),
                            ('copy, rows by time', export, lambda: self.copy_bulk(f'{self.work}/time.copy'))])

    def events_one_by_one(self):
        self.post_events(2)
        return self.rounds([('case', None, self.post_events), ('pgbench, one row a transaction', None, self.insert_rows)])

    def evaluation(self):
        path = self.evaluation_path()
        reply, text = self.daemon.request('GET', path)
        etag = 'If-None-Match: ' + reply.getheader('ETag')
        file = f'{self.work}/evaluation.json'
        with open(file, 'wb') as f:
            f.write(text)
        bare = subprocess.Popen([self.args.bare, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        port = int(bare.stdout.readline())
        try:
            return self.rounds([('case', None, lambda: self.get(path)),
                                ('304', None, lambda: self.get(path, '--header', etag, '--expect', '304')),
                                ('bare, the same bytes', None, lambda: self.get('/', port=port)),
                                ('bare, 304', None, lambda: self.get('/', '--header', f'If-None-Match: {BARE_TAG}', '--expect', '304', port=port))])
        finally:
            bare.stdin.close()
            bare.wait()

    def ranking(self):
        _, text = self.daemon.request('GET', self.rank_path())
        if len(json.loads(text)['items']) != PROVIDERS:
            die('the ranking does not show all providers')
        return self.rounds([('case', None, lambda: self.get_ranking('--header', 'Cache-Control: no-cache')),
                            ('polled', None, self.get_ranking),
                            ('after each write', None, self.rank_after_writes),
                            ('pgbench, the window query', None, self.query_window)])

    def verification(self):
        return self.rounds([('case', None, self.verify), ('copy to nowhere, binary', None, self.copy_out)])


# name, what it is, how its baseline is called, its further measures, the method
CASES = (
    ('bulk', '{records} repair events, NDJSON in order of time', 'copy, rows as stored', Bench.bulk),
    ('events', f'one event a request, {CONNECTIONS} connections, durable', 'pgbench, one row a transaction', Bench.events_one_by_one),
    ('evaluation', f'GET of an evaluation, 200, {CONNECTIONS} connections', 'bare, the same bytes', Bench.evaluation),
    ('ranking', f'GET of the ranking of {PROVIDERS}, no-cache, {READERS} connections', 'pgbench, the window query', Bench.ranking),
    ('verify', 'recompute --verify, records', 'copy to nowhere, binary', Bench.verification),
)

# --- the report --------------------------------------------------------------------------------------------------------------------


def figure(x):
    return f'{x:,.0f}' if x >= 100 else f'{x:.1f}'


def times(x):
    return f'{x:.2f}x' if x >= 0.1 else f'{x:.4f}x'


def summarize(name, what, baseline, runs):
    """Medians; ratios are of runs of one round, so that what the machine did meanwhile touches both."""
    out = {'name': name, 'what': what, 'baseline': baseline, 'measures': {}}
    for measure, list_ in runs.items():
        rates = [r['rate'] for r in list_]
        ratios = [a['rate'] / b['rate'] for a, b in zip(list_, runs[baseline])]
        out['measures'][measure] = {
            'rate': statistics.median(rates), 'rates': rates, 'ratio': statistics.median(ratios), 'ratios': ratios,
            'cores': {k: statistics.median(r['cost']['cores'][k] for r in list_) for k in list_[0]['cost']['cores']},
            'cpu_us_each': {k: statistics.median(r['cost'][k] / r['requests'] * 1e6 for r in list_) for k in ('assayd', 'postgres', 'clients')},
            'wal_bytes_each': statistics.median(r['cost']['wal_bytes'] / r['requests'] for r in list_),
            'syncs_per_second': statistics.median(r['cost']['wal_syncs'] / r['cost']['at'] for r in list_),
            'batch': statistics.median(r['requests'] / r['cost']['batches'] if r['cost']['batches'] else 0 for r in list_),
            **{k: statistics.median(r[k] for r in list_) for k in ('p50_us', 'p99_us', 'mean_us', 'seconds') if k in list_[0]},
            'runs': list_}
    return out


def print_case(case):
    print(f'\n{case["name"]}: {case["what"]}')
    print(f'  {"":32} {"":>10} {"ratio (from - to)":22} {"processors":24} {"us of processor each":17} {"log":>7}')
    for name, m in case['measures'].items():
        label = {'case': 'assay', '304': 'assay, 304', 'polled': 'assay, polled', 'after each write': 'assay, after each write'}.get(name, name)
        ratio = '' if name == case['baseline'] else f'{times(m["ratio"])} ({times(min(m["ratios"]))} - {times(max(m["ratios"]))})'
        cores = ' '.join(f'{m["cores"][k]:5.2f}' for k in ('assayd', 'postgres', 'clients', 'elsewhere'))
        each = ' '.join(f'{figure(m["cpu_us_each"][k]):>6}' for k in ('assayd', 'postgres', 'clients'))
        log = f'{m["wal_bytes_each"]:.0f}' if m['wal_bytes_each'] >= 0.5 and m['wal_bytes_each'] * m['rate'] > 10000 else ''
        more = []
        if 'p50_us' in m:
            more.append(f'p50 {m["p50_us"] / 1000:.2f} p99 {m["p99_us"] / 1000:.2f} ms')
        if 'mean_us' in m:
            more.append(f'mean {m["mean_us"] / 1000:.2f} ms')
        if m['batch']:
            more.append(f'{m["batch"]:.0f} a commit')
        print(f'  {label:32} {figure(m["rate"]):>8}/s {ratio:22} {cores}  {each} {log:>7}  {", ".join(more)}'.rstrip())
    print(f'  assayd afterwards: {case["resident_bytes"] / 1048576:.0f} MiB resident')


def warn_of_others(cases):
    """Rates of a machine that others use say little, and less of the daemon than of a baseline of 64 processes."""
    others = statistics.median(m['cores']['elsewhere'] for case in cases for m in case['measures'].values())
    if others > CORES * 0.1:
        print(f'\nOthers used {others:.2f} of {CORES} processors (median): compare microseconds of processor, not rates.')


def sync_latency(folder):
    """Median of writing a page and having it on the disk, in microseconds: what one commit alone must wait for."""
    file = os.path.join(folder, 'sync')
    fd = os.open(file, os.O_CREAT | os.O_RDWR, 0o600)
    times = []
    for i in range(200):
        start = time.monotonic()
        os.pwrite(fd, b'x' * 8192, i % 16 * 8192)
        os.fdatasync(fd)
        times.append((time.monotonic() - start) * 1e6)
    os.close(fd)
    os.unlink(file)
    return statistics.median(times)


def machine(folder):
    def first(path, pattern):
        try:
            with open(path, encoding='utf-8') as f:
                found = re.search(pattern, f.read(), re.M)
        except OSError:
            found = None
        return found.group(1).strip() if found else 'unknown'
    filesystem = subprocess.run(['df', '--output=fstype', folder], capture_output=True, text=True).stdout.split()[-1:]
    return {'processor': first('/proc/cpuinfo', r'^model name\s*:(.*)$'), 'cores': CORES, 'kernel': platform.release(),
            'memory': first('/proc/meminfo', r'^MemTotal:(.*)$'), 'system': first('/etc/os-release', r'^PRETTY_NAME="(.*)"$'),
            'filesystem': ''.join(filesystem), 'fdatasync_us': round(sync_latency(folder)), 'load_before': os.getloadavg()}


def print_head(result):
    m, p = result['machine'], result['postgresql']
    print(f'Assay {result["version"]}: {m["cores"]} x {m["processor"]}, {m["memory"]}, {m["system"]}, Linux {m["kernel"]}, {m["filesystem"]}')
    print(f'A page written and synced: {m["fdatasync_us"]} us. Load before: {" ".join(f"{x:.1f}" for x in m["load_before"])}')
    print(f'PostgreSQL {p["version"]}: ' + ', '.join(f'{k}={v}' for k, v in p['settings'].items()))
    print(f'{result["rounds"]} rounds of {result["seconds"]} s; {PROVIDERS} providers, {result["records"]} records loaded; the daemon as it ships, its log in a file.')
    print('Medians. Ratios are to the line of a case that has none, round by round. Processors in use, of '
          f'{CORES}, and microseconds of them each: assayd, PostgreSQL, clients; the fourth is what others on the machine used. '
          'log: bytes of write-ahead log each.')


def calendar(program):
    run = subprocess.run([program], capture_output=True, text=True, check=True)
    print('\ncalendar: nanoseconds for each question\n' + run.stdout.rstrip())
    rows = re.findall(r'^(\S+) +(\d+) holidays.*\n((?:  .*\n?)+)', run.stdout, re.M)
    return [{'zone': zone, 'holidays': int(n), 'apart': apart, **{k: float(v) for k, v in re.findall(r'(\w+) +([\d.]+)', rest)}}
            for zone, n, block in rows for apart, rest in re.findall(r'^  (\S+) +apart: (.*)$', block, re.M)]


# --- the command line ------------------------------------------------------------------------------------------------------------------


def parse():
    names = [c[0] for c in CASES] + ['calendar']
    p = argparse.ArgumentParser(prog='dev bench', description='The daemon beside its baselines, in one run.')
    p.add_argument('names', nargs='*', metavar='CASE', help=f'only these: {", ".join(names)}')
    p.add_argument('--rounds', type=int, default=3, help='of each case (3)')
    p.add_argument('--seconds', type=int, default=5, help='of each run that goes by time (5)')
    p.add_argument('--records', type=int, default=200000, help='of the bulk case (200000)')
    p.add_argument('--full', action='store_true', help='1,000,000 records, 5 rounds of 15 seconds')
    p.add_argument('--patient', action='store_true', help='before each run wait up to a minute for an idle machine')
    for name in ('assayd', 'load', 'bare', 'calendar', 'source', 'state', 'out'):
        p.add_argument('--' + name, required=True, help=argparse.SUPPRESS)
    args = p.parse_args()
    if args.full:
        args.rounds, args.seconds, args.records = 5, 15, 1000000
    for name in args.names:
        if name not in names:
            p.error(f'there is no case {name}; there are {", ".join(names)}')
    args.names = args.names or names
    if args.rounds < 1 or args.seconds < 1 or args.records < 1000:
        p.error('at least 1 round, 1 second, 1000 records')
    return args


def run_cases(args, daemon, work, result):
    bench = Bench(args, daemon, work)
    say(f'bench: making a network of {args.records} events')
    bench.make_network()
    bench.register()
    complete = False
    for name, what, baseline, method in CASES:
        if name not in args.names:
            continue
        if name != 'bulk' and not complete:
            say('bench: loading the rest of the network')
            bench.complete()
            complete = True
        say(f'bench: {name}')
        case = summarize(name, what.format(records=args.records), baseline, method(bench))
        case['resident_bytes'] = daemon.resident_bytes()
        result['cases'].append(case)
        print_case(case)
        sys.stdout.flush()


def main():
    args = parse()
    for folder in sorted(glob.glob('/usr/lib/postgresql/*/bin')):
        os.environ['PATH'] = folder + os.pathsep + os.environ['PATH']
    started = time.monotonic()
    result = {'rounds': args.rounds, 'seconds': args.seconds, 'records': args.records, 'when': time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime()),
              'version': subprocess.run([args.assayd, '--version'], capture_output=True, text=True).stdout.strip().split(' ')[-1], 'cases': []}
    make_state(args.assayd, args.state)
    daemon = Daemon(args.assayd, args.state)
    try:
        work = os.path.join(daemon.state, 'bench')
        os.makedirs(work)
        result['machine'] = machine(daemon.state)
        result['postgresql'] = {'version': daemon.sql('SHOW server_version'), 'settings': {s: daemon.sql(f'SHOW {s}') for s in SETTINGS}}
        print_head(result)
        run_cases(args, daemon, work, result)
    finally:
        daemon.stop()
    if 'calendar' in args.names:
        say('bench: calendar')
        result['calendar'] = calendar(args.calendar)
    if result['cases']:
        warn_of_others(result['cases'])
    result['machine']['load_after'] = os.getloadavg()
    result['took_seconds'] = round(time.monotonic() - started)
    os.makedirs(os.path.dirname(os.path.abspath(args.out)), exist_ok=True)
    with open(args.out, 'w', encoding='utf-8') as f:
        json.dump(result, f, indent=1)
    print(f'\n{result["took_seconds"]} s; load after: {" ".join(f"{x:.1f}" for x in os.getloadavg())}. All of it: {os.path.relpath(args.out)}')


if __name__ == '__main__':
    main()
