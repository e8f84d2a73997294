"""Make the schemas that are served of the contract's: NAME.schema.json stands alone, JSON Schema 2020-12. --check: only say
whether they are what they ought to be."""
import json, pathlib, sys
import yaml

HERE = pathlib.Path(__file__).parent
KINDS = {'scheme': 'Scheme', 'calendar': 'Calendar', 'rates': 'Rates'}
PREFIX = '#/components/schemas/'


def standing_alone(value, found):
    """The value with its references into $defs; their names are added to found."""
    if isinstance(value, list):
        return [standing_alone(v, found) for v in value]
    if not isinstance(value, dict):
        return value
    out = {}
    for key, v in value.items():
        if key == '$ref':
            name = v[len(PREFIX):]
            found.append(name)
            out[key] = '#/$defs/' + name
        elif key != 'discriminator': # OpenAPI's own
            out[key] = standing_alone(v, found)
    return out


def schema_of(contract, kind):
    schemas = contract['components']['schemas']
    found = []
    body = standing_alone(schemas[KINDS[kind]], found)
    defs = {}
    while found:
        name = found.pop()
        if name not in defs:
            defs[name] = standing_alone(schemas[name], found)
    head = {'$schema': 'https://json-schema.org/draft/2020-12/schema', '$id': f'urn:assay:schema:{kind}', 'title': f'Assay {kind}'}
    return {**head, **body, '$defs': dict(sorted(defs.items()))}


def main():
    contract = yaml.safe_load((HERE / 'openapi.yaml').read_text(encoding='utf-8'))
    stale = []
    for kind in KINDS:
        file = HERE / f'{kind}.schema.json'
        text = json.dumps(schema_of(contract, kind), ensure_ascii=False, indent=1) + '\n'
        if '--check' not in sys.argv:
            file.write_text(text, encoding='utf-8')
        elif not file.exists() or file.read_text(encoding='utf-8') != text:
            stale.append(file.name)
    if stale:
        sys.exit(f'{", ".join(stale)}: not what the contract says; run api/schemas.py')


if __name__ == '__main__':
    main()
