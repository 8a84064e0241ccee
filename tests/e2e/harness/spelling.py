"""The spelling of a text in Octavia with which haproxy reads the text of the stack: Octavia escapes it for HTML when it
renders.

It is written from Octavia's templates, for the judge. `values.py` proves with haproxy that the controller's spelling is
right.
"""
import re

BROKEN = '&<>"\'#'
META = '\\.^$|?*+()[]{}'


def argument(text: str | None) -> str | None:
    """A URL or a path."""
    return text and ''.join(f'\\x{ord(c):02x}' if c in BROKEN else c for c in text)


def rule(kind: str, compare: str, value: str) -> tuple[str, str]:
    if kind in ('SSL_CONN_HAS_CERT', 'SSL_VERIFY_RESULT'):
        return compare, value
    if compare == 'REGEX':
        return compare, re.sub('^-', r'\\x2d', argument(re.sub(r'\\?([&<>"\'#])', r'\1', re.sub(r'\(\?P<\w+>', '(?:', value))))
    escaped = {'SSL_DN_FIELD': '', 'COOKIE': ' \\'}.get(kind, ' ')
    if not set(value) & set(BROKEN + escaped) and not value.startswith('-'):
        return compare, value
    text = argument(''.join(f'\\{c}' if c in META else c for c in value))
    begins = '^' if compare in ('EQUAL_TO', 'STARTS_WITH') and kind != 'FILE_TYPE' else ''
    ends = '$' if compare in ('EQUAL_TO', 'ENDS_WITH') else ''
    return 'REGEX', re.sub('^-', r'\\x2d', f'{begins}{text}{ends}')
