"""Put the examples into the contract: lays out the files of examples/, and sets the value of each example NAME of openapi.yaml
to the file NAME.json, NAME.ndjson or NAME.csv."""
import json, pathlib, re

HERE = pathlib.Path(__file__).parent
WIDTH = 118


def fill(parts, indent):
    """As many on a line as fit."""
    lines = [indent]
    for part in parts:
        fits = len(lines[-1]) + 1 + len(part) <= WIDTH
        if lines[-1] == indent:
            lines[-1] += part
        elif fits:
            lines[-1] += ' ' + part
        else:
            lines.append(indent + part)
    return '\n'.join(lines)


def layout(value, indent=''):
    """JSON in few lines: what is flat is filled, what has depth has a line for each member."""
    flat = json.dumps(value, ensure_ascii=False)
    if not value or not isinstance(value, (dict, list)) or len(indent) + len(flat) <= WIDTH:
        return flat
    deeper = indent + '  '
    is_list = isinstance(value, list)
    items = [(json.dumps(k, ensure_ascii=False) + ': ', v) for k, v in value.items()] if not is_list else [('', v) for v in value]
    parts = [name + layout(v, deeper) for name, v in items]
    parts = [part + ',' for part in parts[:-1]] + parts[-1:]
    is_flat = not any(isinstance(v, (dict, list)) for _, v in items)
    body = fill(parts, deeper) if is_flat else '\n'.join(deeper + part for part in parts)
    return ('[' if is_list else '{') + '\n' + body + '\n' + indent + (']' if is_list else '}')


def value_of(name, indent):
    """The lines of the member `value` of an example."""
    lines = HERE / 'examples' / (name + '.ndjson')
    if lines.exists():
        text, head = lines.read_text(encoding='utf-8'), 'value: |'
        return indent + head + '\n' + ''.join(f'{indent}  {line}\n' for line in text.splitlines())
    table = HERE / 'examples' / (name + '.csv')
    if table.exists():  # with its mark and its ends of lines, so that it is quoted
        text = table.read_bytes().decode('utf-8')
        return f'{indent}value: ' + json.dumps(text, ensure_ascii=False).replace('\ufeff', '\\ufeff') + '\n'
    file = HERE / 'examples' / (name + '.json')
    value = json.loads(file.read_text(encoding='utf-8'))
    file.write_text(layout(value) + '\n', encoding='utf-8')
    return f'{indent}value: {layout(value, indent + "  ")}\n'


def main():
    contract = HERE / 'openapi.yaml'
    example = re.compile(r'^( +)([a-z_]+(?:\.[a-z_]+)*\.(?:request|reply)):\n((?:\1  summary: .*\n)?)\1  value: .*\n(?:\1   .*\n)*', re.M)
    put = lambda m: f'{m[1]}{m[2]}:\n{m[3]}' + value_of(m[2], m[1] + '  ')
    contract.write_text(example.sub(put, contract.read_text(encoding='utf-8')), encoding='utf-8')


main()
