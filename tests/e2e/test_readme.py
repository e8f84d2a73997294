#!/usr/bin/env python3
"""README.md's worked example, run against a daemon, compared character for character.

test_readme.py ASSAYD            TAP on standard output
test_readme.py ASSAYD --update   write what the commands print into README.md instead
"""
import os, pathlib, re, shutil, signal, subprocess, sys, tempfile, time

ROOT = pathlib.Path(__file__).resolve().parents[2]
README = ROOT / 'README.md'
BLOCK = re.compile(r'<!-- example(?P<setup>: setup)? -->\n```sh\n(?P<sh>.*?)```\n(?:```text\n(?P<text>.*?)```\n)?', re.S)


class Daemon:
    """A daemon over a private cluster in a folder of its own, with the sample's labour rates."""

    def __init__(self, assayd):
        self.dir = tempfile.mkdtemp(prefix='assay-readme-')
        os.chmod(self.dir, 0o755)
        self.state = os.path.join(self.dir, 'state')
        self.log = open(os.path.join(self.dir, 'log'), 'w+')
        self.process = subprocess.Popen([assayd, 'serve', '--listen', '127.0.0.1:0', '--state-dir', self.state], stderr=self.log)
        for _ in range(600):
            said = re.search(r'http://(127\.0\.0\.1:\d+)', open(self.log.name).read())
            if said or self.process.poll() is not None:
                break
            time.sleep(0.1)
        if not said:
            sys.exit('the daemon did not start: ' + open(self.log.name).read())
        self.address = said.group(1)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        shutil.rmtree(self.dir, ignore_errors=True)


def main():
    assayd, update = sys.argv[1], '--update' in sys.argv
    readme = README.read_text(encoding='utf-8')
    blocks = list(BLOCK.finditer(readme))
    daemon = Daemon(assayd)
    setup = 'set -e\n'
    failed = 0
    try:
        setup += ''.join(b['sh'] for b in blocks if b['setup']).replace('127.0.0.1:8080', daemon.address).replace('build/state', daemon.state)
        rates = subprocess.run([assayd, 'sample', '--kind', 'rates', '--orders', '2000'], capture_output=True, text=True, check=True).stdout
        subprocess.run(['bash', '-c', setup + 'curl -sfH "$K" -H "$JSON" -X PUT $A/rates/fy01-labour --data-binary @- >/dev/null'], input=rates, text=True, check=True)
        examples = [b for b in blocks if not b['setup']]
        print('1..%d' % len(examples))
        out, at = [], 0
        for n, b in enumerate(examples, 1):
            got = subprocess.run(['bash', '-c', setup + b['sh']], capture_output=True, text=True, cwd=ROOT)
            said = got.stdout + got.stderr
            good = said == b['text']
            failed += not good
            name = b['sh'].splitlines()[0][:60]
            print('%s %d - %s' % ('ok' if good or update else 'not ok', n, name))
            if not good and not update:
                print('# README says:\n# %s\n# it printed:\n# %s' % (b['text'].replace('\n', '\n# '), said.replace('\n', '\n# ')))
            out.append(readme[at:b.start('text')] + said)
            at = b.end('text')
        if update:
            README.write_text(''.join(out) + readme[at:], encoding='utf-8')
            failed = 0
    finally:
        daemon.stop()
    return 1 if failed else 0


sys.exit(main())
