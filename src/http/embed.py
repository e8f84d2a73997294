"""Texts served by the daemon, as C: embed.py OUT.c OPENAPI.yaml ROOT.html NAME.schema.json... (the contract also as JSON and as a page)."""
import json, pathlib, re, sys
sys.dont_write_bytecode = True
import docs, yaml

def literal(text):
    lines = re.split('(?<=\n)', text) or ['']
    return '\n'.join('    "' + l.replace('\\', '\\\\').replace('"', '\\"').replace('\r', '\\r').replace('\n', '\\n') + '"' for l in lines)

out, contract, root, *schemas = sys.argv[1:]
text = pathlib.Path(contract).read_text(encoding='utf-8')
contract_value = yaml.safe_load(text)
as_json = json.dumps(contract_value, ensure_ascii=False, indent=1, default=str) + '\n'
docs_page, docs_policy = docs.page(json.loads(as_json))
root_page = pathlib.Path(root).read_text(encoding='utf-8')
root_style = re.search('<style>(.*?)</style>', root_page, re.S).group(1)
body = '/* Made by embed.py. */\n#include "http/embedded.h"\n\n'
for name, value in (('openapi_yaml', text), ('openapi_json', as_json), ('docs_page', docs_page),
                    ('docs_policy', docs_policy), ('root_page', root_page), ('root_policy', docs.policy(root_style))):
    body += 'const char assay_%s[] =\n%s;\n' % (name, literal(value))
for path in map(pathlib.Path, schemas):
    body += 'const char assay_schema_%s[] =\n%s;\n' % (path.name.split('.')[0], literal(path.read_text(encoding='utf-8')))
pathlib.Path(out).write_text(body, encoding='utf-8')
