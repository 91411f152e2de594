// One SQL statement in, what Oracle 19c would refuse in its syntax out: the stand-in for Oracle runs much that Oracle
// does not. It knows no tables and no functions, and it runs nothing.

import { type ANTLRErrorListener, CharStreams, CommonTokenStream, type Token } from 'antlr4ts';
import type { ParseTree } from 'antlr4ts/tree/ParseTree.js';
import { PlSqlLexer } from 'antlr4ts-sql/dist/src/grammar-output/plsql/PlSqlLexer.js';
import { PlSqlParser, Regular_idContext } from 'antlr4ts-sql/dist/src/grammar-output/plsql/PlSqlParser.js';

const MAX_IN_LIST = 1_000;

// The grammar wants a name where the value is.
const ALTER_SESSION = /^\s*ALTER\s+SESSION\s+SET(\s+\w+\s*=\s*('([^']|'')*'|[-+.\w]+))+\s*$/i;

// From the SQL Language Reference, "Oracle SQL Reserved Words", without those that stand for a value or a column.
const RESERVED = new Set(
  `ACCESS ADD ALL ALTER AND ANY AS ASC AUDIT BETWEEN BY CHAR CHECK CLUSTER COLUMN COMMENT COMPRESS CONNECT CREATE
  CURRENT DATE DECIMAL DEFAULT DELETE DESC DISTINCT DROP ELSE EXCLUSIVE EXISTS FILE FLOAT FOR FROM GRANT GROUP HAVING
  IDENTIFIED IMMEDIATE IN INCREMENT INDEX INITIAL INSERT INTEGER INTERSECT INTO IS LIKE LOCK LONG MAXEXTENTS MINUS
  MLSLABEL MODE MODIFY NOAUDIT NOCOMPRESS NOT NOWAIT NULL NUMBER OF OFFLINE ON ONLINE OPTION OR ORDER PCTFREE PRIOR
  PUBLIC RAW RENAME RESOURCE REVOKE ROW ROWS SELECT SESSION SET SHARE SIZE SMALLINT START SUCCESSFUL SYNONYM TABLE THEN
  TO TRIGGER UNION UNIQUE UPDATE VALIDATE VALUES VARCHAR VARCHAR2 VIEW WHENEVER WHERE WITH`.split(/\s+/),
);

/** None for a statement that Oracle would parse; each else begins with line:column. The first parse takes 2 seconds. */
export function oracleProblems(sql: string): string[] {
  if (ALTER_SESSION.test(sql)) return [];
  const problems: string[] = [];
  const note = (line: number, column: number, message: string) => problems.push(`${line}:${column} ${message}`);
  const listener: ANTLRErrorListener<unknown> = {
    // It goes on to list the keywords that it expected: hundreds.
    syntaxError: (_recognizer, _symbol, line, column, message) => note(line, column, message.split(' expecting {')[0]!),
  };
  const { parser, tokens } = tokenize(sql, listener);
  const tree = parser.unit_statement();
  const rest = parser.currentToken;
  if (problems.length === 0 && rest !== tokens.at(-1) && rest !== tokens.at(-2)) {
    note(rest.line, rest.charPositionInLine, `nothing may follow the statement, but ${rest.text} does`);
  }
  for (const [problem, token] of [...misuses(tokens), ...reservedNames(tree)]) {
    note(token.line, token.charPositionInLine, problem);
  }
  return problems;
}

/** The last two tokens are a semicolon of its own and the end. */
function tokenize(sql: string, listener: ANTLRErrorListener<unknown>) {
  // Some of the grammar's statements end with a semicolon that is SQL*Plus's.
  const chars = CharStreams.fromString(`${sql}\n;`);
  const lookAhead = chars.LA.bind(chars);
  // The grammar's words are upper case only.
  chars.LA = (offset) => {
    const char = lookAhead(offset);
    return char >= 0x61 && char <= 0x7a ? char - 0x20 : char;
  };
  const lexer = new PlSqlLexer(chars);
  lexer.removeErrorListeners();
  lexer.addErrorListener(listener);
  const stream = new CommonTokenStream(lexer);
  const parser = new PlSqlParser(stream);
  parser.removeErrorListeners();
  parser.addErrorListener(listener);
  stream.fill();
  return { parser, tokens: stream.getTokens().filter(({ channel }) => channel === 0) };
}

// What the grammar lets through.
function* misuses(tokens: readonly Token[]): Generator<[string, Token]> {
  const isBlock = /^(BEGIN|DECLARE|CREATE)$/i.test(tokens[0]?.text ?? '');
  for (const [index, token] of tokens.entries()) {
    const word = token.text?.toUpperCase();
    if (word === '?') yield ['a bind is written :1, not ?', token];
    if (index < tokens.length - 2 && !isBlock) {
      if (word === ';') yield ['a semicolon is SQL*Plus, not SQL', token];
      if (word === 'TRUE' || word === 'FALSE') yield ['SQL has no booleans', token];
    }
    if (tokens[index + 1]?.text !== '(') continue;
    const { commas, isQuery } = group(tokens, index + 1);
    if (isQuery) continue;
    // <= is two tokens.
    const operator = word === '=' ? tokens[index - 1]?.text : word;
    if ((operator === '<' || operator === '>') && commas > 0) yield ['rows are not compared by < or >', token];
    if (word === 'IN' && commas >= MAX_IN_LIST) yield [`IN takes ${MAX_IN_LIST} values`, token];
  }
}

function group(tokens: readonly Token[], open: number): { readonly commas: number; readonly isQuery: boolean } {
  let depth = 0;
  let commas = 0;
  for (let index = open; index < tokens.length; index += 1) {
    const { text } = tokens[index]!;
    if (text === '(') depth += 1;
    if (text === ')') depth -= 1;
    if (depth === 0) break;
    if (text === ',' && depth === 1) commas += 1;
  }
  return { commas, isQuery: /^(SELECT|WITH)$/i.test(tokens[open + 1]?.text ?? '') };
}

function* reservedNames(tree: ParseTree): Generator<[string, Token]> {
  if (tree instanceof Regular_idContext && RESERVED.has(tree.text.toUpperCase())) {
    yield [`${tree.text} is reserved: as a name it takes double quotes`, tree.start];
  }
  for (let index = 0; index < tree.childCount; index += 1) yield* reservedNames(tree.getChild(index));
}
