"""Oracle's SQL where the Mirror's translation to PostgreSQL 15 lacks something: names, MERGE, AS OF SCN.

Importing it mends what the Mirror translates by itself.
"""

import functools
import re

from seerdb.common.sqltext import sql_tokens
from seerdb.server.backend import BackendError
from seerdb.server.backends import postgres

postgres._SQLSTATE_TO_ORA.update({'25006': 1456, '40001': 8177, '40P01': 60, '57014': 1013})

MERGE = re.compile(r'\s*MERGE\b', re.I)
CLAUSE = re.compile(r'\b(WHEN\s+(?:NOT\s+)?MATCHED)\s+THEN\b', re.I)
CONDITION = re.compile(r'(?<!DELETE)\s+WHERE\b', re.I)
ASSIGNED = re.compile(r'((?:\bSET|,)\s*)[\w$#]+\s*\.\s*(?=("\0\d+\0"|[\w$#]+)\s*=)', re.I)

translate_binds = postgres._translate_binds


# Oracle's WHERE at the end of a MERGE's clause is an AND at its start in PostgreSQL, and SET takes no alias. Only once
# the binds have names: they go by their order before.
def translate_merge(sql: str) -> str:
    if not MERGE.match(sql):
        return sql
    (masked, contents) = postgres._mask_quoted(sql)
    (start, *parts) = CLAUSE.split(masked)
    for matched, action in zip(parts[::2], parts[1::2]):
        (action, *condition) = split_outside_parentheses(action, CONDITION)
        start += f'{matched} AND ({condition[0].strip()}) THEN' if condition else f'{matched} THEN'
        start += f'{ASSIGNED.sub(lambda found: found.group(1), action)} '
    return postgres._unmask_quoted(start, contents)


def split_outside_parentheses(text: str, separator: re.Pattern) -> list[str]:
    for found in separator.finditer(text):
        before = text[: found.start()]
        if before.count('(') == before.count(')'):
            return [before, text[found.end() :]]
    return [text]


def translate_binds_and_merge(sql, binds):
    (translated, params) = translate_binds(sql, binds)
    return translate_merge(translated), params


postgres._translate_binds = translate_binds_and_merge

TYPE_NAME = re.compile(r'"(\w+)"')

translate_ddl = postgres._translate_ddl


# It takes a column called "NUMBER" for the type, but not a longer word.
def translate_ddl_but_names(sql: str) -> str:
    return translate_ddl(TYPE_NAME.sub(r'"__\1__"', sql)).replace('"__', '"').replace('__"', '"')


postgres._translate_ddl = translate_ddl_but_names

UPPER_NAME = re.compile(r'"[A-Z][A-Z0-9_$#]*"')


# Unquoted names are upper case in Oracle, so "ID" is ID; to the Mirror, which keeps lower case as PostgreSQL does, they
# are two. A reserved word is never unquoted.
@functools.lru_cache(maxsize=256)
def fold_names(sql: str, quote: str = '"') -> str:
    tokens = ((token.kind, sql[token.start : token.end]) for token in sql_tokens(sql))
    return ''.join(
        f'{quote}{text[1:-1].lower()}{quote}' if kind == 'identifier' and is_plain(text) else text
        for (kind, text) in tokens
    )


def is_plain(name: str) -> bool:
    return UPPER_NAME.fullmatch(name) is not None and name[1:-1] not in postgres._ORACLE_RESERVED_WORDS


AS_OF = re.compile(r'\bAS\s+OF\s+SCN\s+(:\w+|\d+)', re.I)


# One moment for all tables of a statement, as a snapshot is.
def split_as_of(sql: str, binds: list) -> tuple[str, list, int]:
    """The statement without it, the binds that are left, and the number."""
    (masked, contents) = postgres._mask_quoted(sql)
    tokens = [token for token in sql_tokens(masked) if token.kind == 'bind']
    names = [masked[token.start : token.end] for token in tokens]
    # A name that is used twice is bound once, a number twice.
    order = list(dict.fromkeys(names)) if len(binds) < len(names) else None
    places = {token.start: order.index(name) if order else i for (i, (token, name)) in enumerate(zip(tokens, names))}
    scns = set()
    used = set()
    for at in AS_OF.finditer(masked):
        place = places.get(at.start(1))
        if place is not None:
            used.add(place)
        scns.add(int(at.group(1) if place is None else binds[place]))
    if len(scns) != 1:
        raise BackendError('AS OF SCN with different numbers, by this stand-in', ora_code=3001)
    rest = [bind for (place, bind) in enumerate(binds) if place not in used]
    return postgres._unmask_quoted(AS_OF.sub('', masked), contents), rest, scns.pop()
