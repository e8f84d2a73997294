"""Turn the files of sql/ into C: embed.py OUT.c KIND FILE... where KIND names the array; a file's stem is its name."""
import pathlib, sys

def literal(text):
    out = []
    for line in text.splitlines(keepends=True):
        out.append('    "' + line.replace('\\', '\\\\').replace('"', '\\"').replace('\n', '\\n') + '"')
    return '\n'.join(out) or '    ""'

out, kind, *files = sys.argv[1:]
rows = []
for f in sorted(files, key=lambda f: pathlib.Path(f).name):
    path = pathlib.Path(f)
    rows.append('    {"%s",\n%s},' % (path.stem, literal(path.read_text(encoding='utf-8'))))
body = '/* Made from sql/ by embed.py. */\n#include "store/embedded.h"\n\n'
body += 'const struct assay_embedded assay_%s[] = {\n%s\n    {NULL, NULL},\n};\n' % (kind, '\n'.join(rows))
if kind == 'queries':
    names = [pathlib.Path(f).stem for f in sorted(files, key=lambda f: pathlib.Path(f).name)]
    header = '/* Made from sql/queries by embed.py: each file is a prepared statement. */\n#ifndef ASSAY_STORE_QUERIES_H\n#define ASSAY_STORE_QUERIES_H\n\nenum assay_query {\n'
    header += ''.join('    ASSAY_Q_%s,\n' % n.upper() for n in names) + '    ASSAY_Q_COUNT\n};\n\n#endif\n'
    pathlib.Path(out).with_suffix('.h').write_text(header, encoding='utf-8')
pathlib.Path(out).write_text(body, encoding='utf-8')
