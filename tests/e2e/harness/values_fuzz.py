"""Random regular expressions: Python, PCRE2 and haproxy must accept and match alike all those that Evenkeel accepts."""
import random
import re
import warnings

from .values import Cell, policy_stack, regex_cell, rule

PIECES = ('a', 'b', '1', 'a', 'b', ' ', '.', '-', '&', '"', "'", '#', '<', '>', '^', '$', '|', '(', ')', '(', ')', '(?:', '(?=', '(?!', '(?i:', '(?P<n>', '[', ']', '[^',
          '[a-b]', '[[:alpha:]]', '*', '+', '?', '{2}', '{1,2}', '{2,}', '{', '}', '{,2}', '*?', '++', '\\', '\\d', '\\w', '\\s', '\\b', '\\.', '\\&', '\\x26', '\\1', '\\0', '\\-', ',', ';', '%')
SUBJECTS = ('a', 'b', 'ab', 'aab', 'a b', 'a&b', '1', 'a1', '-', 'a-b', '"', 'a"b', "a'b", '<a>', 'a#b', '.', 'a.b', '[a]', '{2}', 'a{2}', '%', '$a', '^', '|', '()', '\\', 'x', '+', '*', '?')


def cells(seed: int, number: int) -> list[Cell]:
    draw = random.Random(seed)
    patterns = dict.fromkeys(''.join(draw.choice(PIECES) for _ in range(draw.randint(1, 8))) for _ in range(number))
    return [cell(text) for text in patterns if text.strip()]


def cell(text: str) -> Cell:
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        try:
            compiled = re.compile(text, re.ASCII)
        except (re.error, OverflowError, RecursionError):
            return Cell('HEADER REGEX', text, policy_stack([rule('HEADER', 'REGEX', text)]), others=[])
        # A POSIX class has another meaning in Python.
        if '[:' in text:
            return Cell('HEADER REGEX', text, policy_stack([rule('HEADER', 'REGEX', text)]), others=[])
        found = [subject for subject in SUBJECTS if compiled.search(subject)]
    return regex_cell('HEADER', text, found, [s for s in SUBJECTS if s not in found])
