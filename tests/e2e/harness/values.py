"""Cells of the matrix of values: one text in one field, the requests that show its effect, and possible spellings of the
text in Octavia.

They are written from the description of the resource and from HTTP, not from the controller.
"""
import html
import re
from dataclasses import dataclass, field

PRINTABLE = [chr(c) for c in range(0x20, 0x7f)]
# Composites that a component on the way may take for an option, a variable, a format, an escape, a comment or a quotation.
WORDS = ('-i', '--', '-f /etc/hosts', '-m reg', '$HOME', '${HOME}', '"${HOME}"', '%[src]', '%%', '%20', r'\x26', r'\\', 'a\\', r'\ ', '&amp;', '&#39;',
         "it's", '"Acme Sync"', '"', '""', 'R&D', 'a<b>c', 'a#b', '# a', 'a b', ' a', 'a ', 'if TRUE', 'a{2}', 'a.b*c+d?', '(a|b)', '[a]', '^a$',
         "'a'", 'a;b', 'a,b', '{ a }', '!a', '`a`', 'ü', 'a\tb', 'a\nb', '\x7f', 'x' * 255, '&' * 63, '&' * 64)
CHARACTERS = [f'a{c}b' for c in PRINTABLE] + [f'{c}b' for c in '-#"\'&%$\\!@[{('] + [f'a{c}' for c in '-#"\'&%$\\!@]})'] + list(WORDS)
CERTIFICATE = 'http://keys.example/v1/containers/00000000-0000-4000-8000-000000000001'


@dataclass
class Cell:
    """One text in one field."""
    place: str
    text: str
    spec: dict
    # Requests (raw, without the header that names the cell) that the field must match, and requests that it must not match.
    hits: list[bytes] = field(default_factory=list)
    misses: list[bytes] = field(default_factory=list)
    # Spellings to try when Evenkeel rejects the text: bodies of policies or pools.
    others: list[dict] = field(default_factory=list)
    location: str = ''

    def __str__(self) -> str:
        return f'{self.place} {self.text!r}'


def stack(listener: dict | None = None, pool: dict | None = None) -> dict:
    document = {'cloudCredentialsRef': {'secretName': 'openstack', 'cloudName': 'openstack'},
                'loadBalancer': {'vip': {'subnet': {'name': 'tenant-v4'}}}, 'listeners': [], 'pools': []}
    if listener:
        document['listeners'] = [{'name': 'a', 'protocol': 'HTTP', 'port': 80, **listener}]
    if pool:
        document['pools'] = [{'name': 'w', 'protocol': 'HTTP', 'algorithm': 'ROUND_ROBIN', **pool}]
    return document


# -- rules
TYPES = ('HOST_NAME', 'PATH', 'FILE_TYPE', 'HEADER', 'COOKIE')
COMPARES = ('EQUAL_TO', 'STARTS_WITH', 'ENDS_WITH', 'CONTAINS')
KEYS = {'HEADER': 'X-Value', 'COOKIE': 'sid', 'SSL_DN_FIELD': 'CN'}


def request(path: str = '/', host: str = 'values.example', *headers: tuple[str, str]) -> bytes:
    lines = [f'GET {path} HTTP/1.1', f'Host: {host}', *(f'{name}: {value}' for name, value in headers)]
    return '\r\n'.join(lines).encode('utf-8')


def asking(kind: str, subject: str, key: str | None = None) -> bytes:
    """A request with this text in the part that a rule of this type examines."""
    if kind == 'HOST_NAME':
        return request('/', subject)
    if kind in ('PATH', 'FILE_TYPE'):
        return request(subject)
    if kind == 'COOKIE':
        return request('/', 'values.example', ('Cookie', f'first=1; {key or KEYS[kind]}={subject}; last=2'))
    return request('/', 'values.example', (key or KEYS[kind], subject))


def matches(kind: str, compare: str, subject: str, value: str) -> bool:
    if kind in ('HEADER', 'COOKIE', 'HOST_NAME'):
        subject = subject.strip(' ')
    if kind == 'HOST_NAME':
        subject, value = subject.lower(), value.lower()
    if kind == 'FILE_TYPE' or compare == 'ENDS_WITH':
        return subject.endswith(value)
    return {'EQUAL_TO': subject == value, 'STARTS_WITH': subject.startswith(value), 'CONTAINS': value in subject}[compare]


def subjects(kind: str, value: str) -> list[str]:
    """The text and similar ones: longer, shorter, mangled as by Octavia, with special characters replaced."""
    near = [value, value + 'zz', 'zz' + value, 'zz' + value + 'zz', value[:-1], value[1:], html.escape(value), value.replace('"', ''),
            value.replace('\\', ''), re.sub(r'[^A-Za-z0-9/]', 'Q', value), re.split(r'[#&\'"<> ]', value)[0], value.swapcase(), 'zz']
    if kind in ('PATH', 'FILE_TYPE'):
        near = [text if text.startswith('/') else f'/{text}' for text in near]
    if kind == 'COOKIE':        # an unterminated quotation includes the cookies after it
        near = [text for text in near if text.count('"') % 2 == 0]
    # A text that does not fit into one line cannot be in a request.
    return [text for text in dict.fromkeys(near) if text and not re.search(r'[\r\n]', text) and (kind not in ('PATH', 'FILE_TYPE') or ' ' not in text)]


def rule_cells() -> list[Cell]:
    cells = []
    for kind in TYPES:
        for compare in COMPARES if kind != 'FILE_TYPE' else COMPARES[:1]:
            for text in CHARACTERS:
                slash = kind == 'PATH' and compare in ('EQUAL_TO', 'STARTS_WITH') and not text.startswith('/')
                cells.append(rule_cell(kind, compare, f'/{text}' if slash else text))
    cells += [rule_cell('PATH', compare, 'api') for compare in COMPARES]
    return cells


def rule_cell(kind: str, compare: str, value: str) -> Cell:
    asked = [(asking(kind, s), matches(kind, compare, s, value)) for s in subjects(kind, value)]
    spellings = [(compare, value), (compare, f'"{value}"'), (compare, value.replace(' ', '\\ ')), ('REGEX', pattern(kind, compare, value, hexadecimal)),
                 ('REGEX', pattern(kind, compare, value, re.escape))]
    return Cell(f'{kind} {compare}', value, policy_stack([rule(kind, compare, value)]),
                [r for r, hit in asked if hit], [r for r, hit in asked if not hit],
                [body_policy([body_rule(kind, c, v)]) for c, v in dict.fromkeys(spellings)])


def hexadecimal(text: str) -> str:
    return ''.join(c if c.isalnum() and c.isascii() else ''.join(f'\\x{b:02x}' for b in c.encode()) for c in text)


def pattern(kind: str, compare: str, value: str, escape) -> str:
    end = kind == 'FILE_TYPE' or compare in ('EQUAL_TO', 'ENDS_WITH')
    start = kind != 'FILE_TYPE' and compare in ('EQUAL_TO', 'STARTS_WITH')
    return ('^' if start else '') + escape(value) + ('$' if end else '')


def rule(kind: str, compare: str, value: str, key: str | None = None) -> dict:
    key = key or KEYS.get(kind)
    return {'type': kind, 'compareType': compare, 'value': value, **({'key': key} if key else {})}


def policy_stack(rules: list[dict], **action) -> dict:
    return stack({'l7Policies': [{'name': 'p', 'action': 'REDIRECT_TO_URL', 'redirectURL': 'http://matched.example/', **action, 'rules': rules}]})


def body_rule(kind: str, compare: str, value: str, key: str | None = None) -> dict:
    key = key or KEYS.get(kind)
    return {'type': kind, 'compare_type': compare, 'value': value, **({'key': key} if key else {})}


def body_policy(rules: list[dict], **action) -> dict:
    return {'action': 'REDIRECT_TO_URL', 'redirect_url': 'http://matched.example/', 'redirect_http_code': 302, **action, 'rules': rules}


# -- keys of rules
def key_cells() -> list[Cell]:
    cells = []
    for kind in ('HEADER', 'COOKIE'):
        for key in [f'X{c}K' for c in PRINTABLE] + ['k' * 120, 'ü', '-k', '&amp;']:
            others = [k for k in (key.split('#')[0].split('&')[0], html.escape(key), key[:-1]) if k and k.lower() != key.lower()]
            cells.append(Cell(f'{kind} key', key, policy_stack([rule(kind, 'EQUAL_TO', '1', key)]), [asking(kind, '1', key)],
                              [asking(kind, '1', k) for k in others], [body_policy([body_rule(kind, 'EQUAL_TO', '1', key)])]))
    return cells


# -- redirects
BASE = 'https://go.example'


def redirect_cells() -> list[Cell]:
    places = [f'/a{c}b' for c in PRINTABLE] + [f'/x?a{c}b' for c in PRINTABLE] + [f'/x#a{c}b' for c in PRINTABLE]
    places += ['', '/', '?q', '#f', '/%26%2G', '/%', '/%[src]', '/$HOME', '/"${HOME}"', '/ü', '/a\\', r'/\x26', '/?' + '&' * 57, '/?' + '&' * 60,
               '/?' + 'x' * 230, "/?lang=de&x='y'#top", ':8443/a', '/a//b', '/-i', '/a?b?c', '/?a[]=1&b[x]=2']
    cells = []
    for place in places:
        url = BASE + place
        escaped = BASE + ''.join(c if c.isalnum() and c.isascii() or c in '/:.?' else hexadecimal(c) for c in place)
        always = [rule('HEADER', 'EQUAL_TO', 'go')], [body_rule('HEADER', 'EQUAL_TO', 'go')]
        for action, stack_field, octavia_field in (('REDIRECT_TO_URL', 'redirectURL', 'redirect_url'), ('REDIRECT_PREFIX', 'redirectPrefix', 'redirect_prefix')):
            change = {'action': action, stack_field: url}
            document = policy_stack(always[0], **change)
            if action == 'REDIRECT_PREFIX':
                del document['listeners'][0]['l7Policies'][0]['redirectURL']
            others = [{**body_policy(always[1], action=action, redirect_url=None), octavia_field: text} for text in dict.fromkeys((url, escaped))]
            path = '/path?query' if action == 'REDIRECT_PREFIX' else ''
            cells.append(Cell(stack_field, url, document, [request('/path?query', 'values.example', ('X-Value', 'go'))], [], others, location=url + path))
    return cells


# -- regular expressions: pattern, what it matches, what it does not
REGEXES = (
    ('^Acme Sync$', ['Acme Sync'], ['Acme_Sync', 'Acme']), ('R&D', ['R&D', 'xR&Dx'], ['RD', 'R&amp;D']), ("joe's", ["joe's"], ['joes', 'joe']),
    ('["\'<>#&]', list('"\'<>#&'), ['a', ';', 'x26']), (r'a\&b\#c\"', ['a&b#c"'], ['a&b', 'ab#c']), ('-x', ['-x'], ['x']), (r'^\-x$', ['-x'], ['x']),
    ('(?P<team>a|b)c', ['ac', 'bc'], ['c', 'team']), (r'\x26\x3c', ['&<'], ['x26']), (r'\46', ['&'], ['46']) , (r'\101', ['A'], ['101']),
    (r'^\d+\s\w+\W\D\S$', ['1 a-b!'], ['a a']), ('^[[:alpha:]_-]+$', ['a_-b'], ['1']), ('^[[:^digit:]]$', ['a'], ['1']), ('^a{2,3}$', ['aa', 'aaa'], ['a', 'aaaa']),
    ('^a{x}$', ['a{x}'], ['a']), ('^{$', ['{'], ['a']), ('^[]a]$', [']', 'a'], ['b']), (r'^[\]a\-z]$', [']', '-', 'z'], ['b']), ('(?i)acme', ['ACME', 'acme'], ['acm']),
    ('^(?i:A)B$', ['aB', 'AB'], ['ab']), ('^a(?=b)', ['ab'], ['ac']), ('^a(?!b)', ['ac'], ['ab']), ('a++b', ['aab'], ['aa']), (r'\bfoo\b', ['a foo b'], ['afoo']),
    (r'^a\.b$', ['a.b'], ['axb']), ('a||b', ['x'], []), ('()', ['x'], []), (r'^\\$', ['\\'], ['\\\\']), (r'a\ b', ['a b'], ['ab']), ('^"a, b"$', ['"a, b"'], ['a, b']),
    (r'^\$HOME$', ['$HOME'], []), ('%[0-9a-f]{2}', ['%2f'], ['%zz']), ('^(a|(b|c)+?)*d$', ['abcd', 'd'], ['e']), (r'\A.\Z', ['x'], ['xx']), (r'[\x20-\x2f]', ['a#b'], ['ab']),
    ('gzip(, br)?', ['gzip'], ['br']), (r'\u0041', [], []), (r'(a)\1', ['aa'], ['ab']), ('(?<=a)b', ['ab'], ['cb']), ('(?<!a)b', ['cb'], ['ab']), ('(?P<n>a)(?P=n)', ['aa'], ['ab']),
    ('(?>a)b', ['ab'], []), ('(?#c)a', ['a'], []), ('(?x)a b', ['ab'], ['a b']), ('a{,2}b', ['aab'], []), ('(?a)a', ['a'], []), ('(a)?(?(1)b|c)', ['ab'], []), ('^*', [], []),
    ('a**', [], []), ('[a', [], []), ('(a', [], []), ('a)', [], []), ('a\\', [], []), (r'\q', [], []), (r'\p{L}', [], []), (r'\Qa\E', [], []), ('[[.a.]]', [], []), ('[z-a]', [], []),
    (r'[\w-z]', [], []), ('^gzip, br$', [], []), ('(abcdefghijklmnop){2000}', [], []), ('a{65536}', [], []), ('a{3,2}', [], []), ('(?<n>a)', ['a'], []), ('a(?i)b', ['aB'], []),
    ('&' * 63, ['&' * 63], ['&']), ('&' * 64, [], []), ('x' * 255, ['x' * 255], ['x']),
)


def regex_cells() -> list[Cell]:
    return [regex_cell('HEADER', *case) for case in REGEXES] + [
        regex_cell('PATH', '^api', [], ['/api']), regex_cell('PATH', r'^/a\?b', [], ['/a']), regex_cell('PATH', '/a b', [], ['/a']),
        regex_cell('PATH', r'^/[a-z]+(\?.*)?$', ['/api', '/api?x'], ['/1']), regex_cell('PATH', "^/a'b&c$", ["/a'b&c"], ['/a']),
        regex_cell('FILE_TYPE', r'\.(jpe?g|png)$', ['/a.jpg', '/a.png?x'], ['/a.jpg/b']), regex_cell('HOST_NAME', '^(WWW|api)\\.', ['www.example'], ['example']),
        regex_cell('COOKIE', 'a;b', [], ['ab']), regex_cell('COOKIE', "^a 'b'$", ["a 'b'"], ['a'])]


def regex_cell(kind: str, value: str, hits: list[str], misses: list[str]) -> Cell:
    broken = re.compile(r'[&<>"\'#]')
    others = [value, broken.sub(lambda c: hexadecimal(c.group()), value), re.sub(r'^-', r'\\x2d', value)]
    return Cell(f'{kind} REGEX', value, policy_stack([rule(kind, 'REGEX', value)]), [asking(kind, s) for s in hits], [asking(kind, s) for s in misses],
                [body_policy([body_rule(kind, 'REGEX', v)]) for v in dict.fromkeys(others)])


# -- texts that Evenkeel rejects on purpose although a spelling exists that works
EXCEPTIONS = (
    ('a value in double quotes: for one reader they belong to it, for the other they do not', lambda c: 'without the double quotes' in c),
    ('no text but printable ASCII', lambda c: 'printable ASCII' in c),
    ('no URL has it (RFC 3986)', lambda c: 'percent-encoded' in c),
    ('Python and PCRE2 differ on it, or versions of PCRE2 do', lambda c: 'write {0,n}' in c),
    ('flags other than i, m and s', lambda c: 'only i, m and s' in c),
    ('a bracket in a class that PCRE2 might take for a class', lambda c: 'for a bracket in a class' in c),
    ('larger than PCRE2 compiles, estimated from above', lambda c: 'too large for haproxy' in c),
    ('longer than Octavia keeps, in one of two spellings', lambda c: 'is too long' in c),
)
