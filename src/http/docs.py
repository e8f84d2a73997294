"""The contract as one HTML page for people: page(contract) gives the page and its Content-Security-Policy.

Everything is in the page: no script is needed to read it, the one there is only filters. The policy allows the page's own style
and script by their hashes and nothing else."""
import base64, hashlib, html, json, re

METHODS = ('get', 'post', 'put', 'patch', 'delete')

STYLE = '''
:root { --ink: #1c2024; --soft: #5d666f; --paper: #fff; --tint: #f3f5f7; --rule: #d9dee3; --mark: #0b62a8; --get: #0b62a8; --post: #1a7a3c; --put: #9a5b00; --delete: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e7ea; --soft: #9aa4ae; --paper: #14171a; --tint: #1e2327; --rule: #343b42; --mark: #74b6ee; --get: #74b6ee; --post: #6fcf8e; --put: #e0a84a; --delete: #f28b82; }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0; background: var(--paper); color: var(--ink); overflow-wrap: break-word;
  font: 16px/1.6 system-ui, "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; }
a { color: var(--mark); text-decoration: none; } a:hover { text-decoration: underline; }
.page { display: grid; grid-template-columns: 20rem minmax(0, 1fr); max-width: 90rem; margin: 0 auto; }
aside { position: sticky; top: 0; align-self: start; height: 100vh; overflow-y: auto; padding: 1.25rem; border-right: 1px solid var(--rule); font-size: .88rem; line-height: 1.45; }
aside summary { font-weight: 600; cursor: pointer; margin: .4rem 0; }
aside ul { list-style: none; margin: 0 0 .6rem; padding: 0; } aside li a { display: block; padding: .2rem .4rem; border-radius: .3rem; color: var(--ink); }
aside li a:hover { background: var(--tint); text-decoration: none; }
aside li small { display: block; color: var(--soft); }
#find { display: none; width: 100%; margin: .3rem 0 .8rem; padding: .45rem .7rem; border: 1px solid var(--rule); border-radius: .4rem; background: var(--paper); color: var(--ink); font: inherit; }
.js #find { display: block; }
main { padding: 2rem 2.5rem 5rem; min-width: 0; }
h1 { margin: 0; font-size: 2rem; letter-spacing: -.01em; } .lead { margin: .25rem 0 1.5rem; color: var(--soft); }
h2 { margin: 3rem 0 1rem; padding-top: 1.2rem; border-top: 2px solid var(--rule); font-size: 1.4rem; } h3 { margin: 0; font-size: 1.08rem; } h4 { margin: 1.2rem 0 .3rem; font-size: .95rem; color: var(--soft); font-weight: 600; }
article { margin: 0 0 1.6rem; padding: 1.1rem 1.25rem; border: 1px solid var(--rule); border-radius: .6rem; }
article > header { display: flex; flex-wrap: wrap; gap: .2rem .8rem; align-items: baseline; }
article > header code { font-size: 1rem; font-weight: 600; background: none; padding: 0; overflow-wrap: anywhere; }
.method { font: 700 .78rem/1 ui-monospace, Menlo, Consolas, monospace; padding: .3rem .5rem; border-radius: .3rem; color: var(--paper); background: var(--get); text-transform: uppercase; }
.method.post { background: var(--post); } .method.put, .method.patch { background: var(--put); } .method.delete { background: var(--delete); }
.zh { color: var(--soft); font-weight: 400; }
code, pre { font: .86rem/1.55 ui-monospace, "SF Mono", Menlo, Consolas, "Noto Sans Mono CJK SC", monospace; }
code { padding: .1em .3em; border-radius: .25rem; background: var(--tint); } pre code { padding: 0; background: none; }
pre { margin: .4rem 0; padding: .8rem 1rem; overflow-x: auto; max-height: 32rem; border: 1px solid var(--rule); border-radius: .4rem; background: var(--tint); }
.props { margin: .3rem 0; padding: 0; list-style: none; } .props .props { margin-left: .2rem; padding-left: 1rem; border-left: 2px solid var(--rule); }
.props > li { padding: .3rem 0; border-top: 1px solid var(--rule); } .props > li:first-child { border-top: 0; }
.type { color: var(--soft); font-size: .88rem; } .need { color: var(--delete); font-size: .8rem; } .props p { margin: 0; font-size: .93rem; }
.status { display: inline-block; min-width: 3.2rem; font-weight: 600; }
details > summary { cursor: pointer; color: var(--mark); font-size: .92rem; } details { margin: .4rem 0; }
[hidden] { display: none !important; }
@media (max-width: 56rem) {
  .page { display: block; } aside { position: static; height: auto; border-right: 0; border-bottom: 1px solid var(--rule); }
  main { padding: 1.25rem 1rem 4rem; } article { padding: .9rem .9rem; } h1 { font-size: 1.6rem; }
}
@media print { aside { display: none; } .page { display: block; } pre { max-height: none; white-space: pre-wrap; } }
'''

SCRIPT = '''
document.documentElement.classList.add('js');
var find = document.getElementById('find'), all = document.querySelectorAll('[data-find]');
var groups = document.querySelectorAll('aside .group'), wide = window.matchMedia('(min-width: 56.01rem)').matches;
groups.forEach(function (g) { g.open = wide; });
find.addEventListener('input', function () {
  var words = find.value.toLowerCase().split(/\\s+/).filter(Boolean);
  groups.forEach(function (g) { g.open = wide || words.length > 0; });
  all.forEach(function (e) { e.hidden = !words.every(function (w) { return e.dataset.find.indexOf(w) >= 0; }); });
});
'''

esc = lambda text: html.escape(str(text), quote=True)


# --- the Markdown of descriptions: paragraphs, lists, headings, code and bold ---------------------------------------------

def inline(text):
    parts = re.split(r'`([^`]*)`', text)
    bold = False
    for i, part in enumerate(parts):
        if i % 2:
            parts[i] = f'<code>{esc(part)}</code>'
            continue
        runs = esc(part).split('**')  # bold may run over code
        for k in range(1, len(runs)):
            bold = not bold
            runs[k] = ('<b>' if bold else '</b>') + runs[k]
        parts[i] = ''.join(runs)
    return ''.join(parts) + ('</b>' if bold else '')


def markdown(text):
    out = []
    for block in re.split(r'\n\s*\n', (text or '').strip()):
        lines = block.splitlines()
        if lines and lines[0].startswith('#'):
            out.append(f'<h4>{inline(lines.pop(0).lstrip("# "))}</h4>')
        prose = []
        items = []
        for line in lines:
            if re.match(r'\s*[-*] ', line):
                items.append(re.sub(r'^\s*[-*] ', '', line))
            elif items:
                items[-1] += ' ' + line.strip()
            else:
                prose.append(line.strip())
        if prose:
            out.append(f'<p>{inline(" ".join(prose))}</p>')
        if items:
            out.append('<ul>' + ''.join(f'<li>{inline(i)}</li>' for i in items) + '</ul>')
    return '\n'.join(out)


def two_tongues(text, tag='span'):
    en, _, zh = (text or '').partition(' / ')
    return inline(en) + (f' <{tag} class="zh" lang="zh-CN">{esc(zh)}</{tag}>' if zh else '')


# --- schemas ----------------------------------------------------------------------------------------------------------------

def name_of(ref):
    return ref.rsplit('/', 1)[1]


def schema_link(ref):
    return f'<a href="#schema-{esc(name_of(ref))}">{esc(name_of(ref))}</a>'


BOUNDS = (('minimum', '≥'), ('maximum', '≤'), ('exclusiveMinimum', '>'), ('minLength', 'length ≥'), ('maxLength', 'length ≤'),
          ('minItems', 'items ≥'), ('maxItems', 'items ≤'), ('pattern', 'pattern'), ('format', 'format'), ('default', 'default'))


def type_of(s):
    """In one line."""
    if s is True or s == {}:
        return 'anything'
    if '$ref' in s:
        return schema_link(s['$ref'])
    for key in ('oneOf', 'anyOf'):
        if key in s:
            return ' or '.join(type_of(x) for x in s[key])
    if 'const' in s:
        return f'<code>{esc(json.dumps(s["const"], ensure_ascii=False))}</code>'
    if 'enum' in s:
        return ' '.join(f'<code>{esc("null" if x is None else x)}</code>' for x in s['enum'])
    kinds = s.get('type', 'anything')
    kinds = kinds if isinstance(kinds, list) else [kinds]
    text = ' or '.join(('array of ' + type_of(s.get('items', {})) if k == 'array' else esc(k)) for k in kinds)
    bounds = [f'{word} <code>{esc(json.dumps(s[key], ensure_ascii=False) if not isinstance(s[key], str) else s[key])}</code>'
              for key, word in BOUNDS if key in s]
    return text + (', ' + ', '.join(bounds) if bounds else '')


def inner(s):
    """What lies within: the object itself, an array's elements, or nothing."""
    if not isinstance(s, dict) or '$ref' in s:
        return None
    if 'properties' in s:
        return s
    return inner(s['items']) if isinstance(s.get('items'), dict) else None


def properties(s):
    rows = []
    required = s.get('required', [])
    for name, p in s['properties'].items():
        p = p if isinstance(p, dict) else {}
        deeper = inner(p)
        rows.append(f'<li><code>{esc(name)}</code> <span class="type">{type_of(p)}</span>'
                    + (' <span class="need">required</span>' if name in required else '')
                    + (f'<p>{inline(p["description"])}</p>' if p.get('description') else '')
                    + (properties(deeper) if deeper else '') + '</li>')
    return '<ul class="props">' + ''.join(rows) + '</ul>'


def schema_body(s):
    parts = []
    if s.get('description'):
        parts.append(markdown(s['description']))
    for key, word in (('allOf', 'All of'), ('oneOf', 'One of'), ('anyOf', 'Any of')):
        if key in s:
            parts.append(f'<p class="type">{word}: ' + ', '.join(type_of(x) for x in s[key]) + '</p>')
            parts += [properties(x) for x in s[key] if 'properties' in x]
    deeper = inner(s)
    if deeper:
        if s.get('type') == 'array':
            parts.append('<p class="type">array of</p>')
        parts.append(properties(deeper))
    elif not any(k in s for k in ('allOf', 'oneOf', 'anyOf')):
        parts.append(f'<p class="type">{type_of(s)}</p>')
    return ''.join(parts)


# --- operations -----------------------------------------------------------------------------------------------------------

class Page:
    def __init__(self, contract):
        self.contract = contract

    def deref(self, x):
        while isinstance(x, dict) and '$ref' in x:
            node = self.contract
            for part in x['$ref'][2:].split('/'):
                node = node[part]
            x = node
        return x

    def operations(self):
        for path, item in self.contract['paths'].items():
            for method in METHODS:
                if method in item:
                    op = item[method]
                    parameters = [self.deref(p) for p in item.get('parameters', []) + op.get('parameters', [])]
                    yield path, method, op, parameters

    def parameters(self, parameters):
        if not parameters:
            return ''
        rows = ''.join(f'<li><code>{esc(p["name"])}</code> <span class="type">in {esc(p["in"])}, {type_of(p.get("schema", {}))}</span>'
                       + (' <span class="need">required</span>' if p.get('required') else '')
                       + (f'<p>{inline(p["description"])}</p>' if p.get('description') else '') + '</li>' for p in parameters)
        return f'<h4>Parameters <span class="zh" lang="zh-CN">参数</span></h4><ul class="props">{rows}</ul>'

    def example_text(self, value):
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)

    def target(self, path, parameters):
        for p in parameters:
            if p['in'] == 'path':
                path = path.replace('{' + p['name'] + '}', str(p.get('example', p['name'].upper())))
        query = '&'.join(f'{p["name"]}={p["example"]}' for p in parameters if p['in'] == 'query' and 'example' in p and p.get('required'))
        return path + ('?' + query if query else '')

    def curl(self, path, method, op, parameters, type=None, body=None):
        words = ['curl']
        if op.get('security') != []:
            words.append('-H "Authorization: Bearer $KEY"')
        if any(p['in'] == 'header' and p['name'] == 'If-Match' and p.get('required') for p in parameters):
            words.append("-H 'If-Match: \"v1\"'")
        if method != 'get':
            words.append('-X ' + method.upper())
        if type:
            words.append(f"-H 'Content-Type: {type}' --data-binary @-")
        words.append(f'"$ASSAY{self.target(path, parameters)}"' + (" <<'END'" if body is not None else ''))
        lines = [' \\\n    '.join(words)] + ([body.rstrip('\n'), 'END'] if body is not None else [])
        return '<pre><code>' + esc('\n'.join(lines)) + '</code></pre>'

    def request(self, path, method, op, parameters):
        body = self.deref(op.get('requestBody'))
        if not body:
            return self.curl(path, method, op, parameters)
        parts = ['<h4>Body <span class="zh" lang="zh-CN">请求体</span></h4>', markdown(body.get('description'))]
        for type, media in body.get('content', {}).items():
            parts.append(f'<p><code>{esc(type)}</code> <span class="type">{type_of(media.get("schema", {}))}</span></p>')
            for example in media.get('examples', {}).values():
                example = self.deref(example)
                text = self.example_text(example.get('value'))
                parts.append(f'<details><summary>{esc(example.get("summary", "Example"))}</summary>'
                             + self.curl(path, method, op, parameters, type, text) + '</details>')
        return ''.join(parts)

    def responses(self, op):
        parts = ['<h4>Replies <span class="zh" lang="zh-CN">响应</span></h4><ul class="props">']
        for status, response in op['responses'].items():
            r = self.deref(response)
            headers = ', '.join(f'<code>{esc(h)}</code>' for h in r.get('headers', {}))
            parts.append(f'<li><span class="status">{esc(status)}</span> {inline(r.get("description", ""))}')
            if headers:
                parts.append(f'<p class="type">headers: {headers}</p>')
            for type, media in r.get('content', {}).items():
                parts.append(f'<p class="type"><code>{esc(type)}</code> {type_of(media.get("schema", {}))}</p>')
                if '$ref' in response:
                    continue # what many operations share is not repeated
                for example in media.get('examples', {}).values():
                    example = self.deref(example)
                    parts.append(f'<details><summary>{esc(example.get("summary", "Example"))}</summary><pre><code>'
                                 + esc(self.example_text(example.get('value'))) + '</code></pre></details>')
            parts.append('</li>')
        return ''.join(parts) + '</ul>'

    def roles(self, op):
        """Who may, and what a caller who is one provider's sees of it."""
        sees = {'path': 'of one provider: its own path', 'parameter': 'of one provider: its own', 'sent': 'each: what is its own',
                'all': 'the same for all', 'network': 'nobody who is one provider\u2019s'}
        if 'x-roles' not in op:
            return '<p class="type">No key is needed.</p>'
        names = ' '.join(f'<code>{esc(role)}</code>' for role in op['x-roles'])
        return f'<p class="type">Roles: {names} ({esc(sees[op["x-sees"]])})</p>'

    def operation(self, path, method, op, parameters):
        find = ' '.join((method, path, op['operationId'], op['summary'], ' '.join(op.get('tags', [])))).lower()
        return (f'<article id="{esc(op["operationId"])}" data-find="{esc(find)}"><header><span class="method {method}">{method}</span>'
                f'<code>{esc(path)}</code></header><h3>{two_tongues(op["summary"])}</h3>'
                + markdown(op.get('description')) + self.roles(op) + self.parameters(parameters) + self.request(path, method, op, parameters)
                + self.responses(op) + '</article>')

    def tag(self, tag):
        parts = [f'<h2 id="tag-{esc(tag["name"])}">{esc(tag["name"])}</h2>', markdown(tag.get('description'))]
        return parts + [self.operation(*o) for o in self.operations() if tag['name'] in o[2].get('tags', [])]

    def menu(self):
        parts = []
        for tag in self.contract['tags']:
            rows = ''.join(f'<li data-find="{esc((m + " " + p + " " + op["operationId"] + " " + op["summary"]).lower())}">'
                           f'<a href="#{esc(op["operationId"])}">{two_tongues(op["summary"])}<small>{m.upper()} {esc(p)}</small></a></li>'
                           for p, m, op, _ in self.operations() if tag['name'] in op.get('tags', []))
            parts.append(f'<details class="group"><summary>{esc(tag["name"])}</summary><ul>{rows}</ul></details>')
        rows = ''.join(f'<li data-find="{esc(n.lower())}"><a href="#schema-{esc(n)}">{esc(n)}</a></li>' for n in self.contract['components']['schemas'])
        parts.append(f'<details><summary>Schemas</summary><ul>{rows}</ul></details>')
        return ''.join(parts)

    def schemas(self):
        parts = ['<h2 id="schemas">Schemas <span class="zh" lang="zh-CN">数据结构</span></h2>']
        for name, s in self.contract['components']['schemas'].items():
            parts.append(f'<article id="schema-{esc(name)}" data-find="{esc(name.lower())}"><h3>{esc(name)}</h3>{schema_body(s)}</article>')
        return parts

    def render(self):
        info = self.contract['info']
        parts = ['<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
                 '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="color-scheme" content="light dark">\n'
                 f'<title>{esc(info["title"])} · HTTP</title>\n<link rel="icon" href="data:,">\n<style>{STYLE}</style>\n</head>\n<body>\n<div class="page">\n<aside>'
                 '<p><a href="/">Assay</a> · <a href="/openapi.json">openapi.json</a> · <a href="/openapi.yaml">openapi.yaml</a></p>'
                 '<input id="find" type="search" placeholder="Filter · 筛选" aria-label="Filter">', self.menu(), '</aside>\n<main>\n',
                 f'<h1>{esc(info["title"])}</h1><p class="lead">{esc(info["summary"])}</p>', markdown(info['description']),
                 '<pre><code>ASSAY=http://127.0.0.1:8080\nKEY=$(cat STATE-DIR/admin.key)</code></pre>']
        for tag in self.contract['tags']:
            parts += self.tag(tag)
        parts += self.schemas()
        parts.append(f'</main>\n</div>\n<script>{SCRIPT}</script>\n</body>\n</html>\n')
        return '\n'.join(parts)


def source_of(text):
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii') + "'"


def policy(style, script=None):
    """Of a page that brings all it needs: its own style and script by their hashes, and nothing else."""
    return ("default-src 'none'; style-src " + source_of(style) + ('; script-src ' + source_of(script) if script else '')
            + "; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")


def page(contract):
    return Page(contract).render(), policy(STYLE, SCRIPT)
