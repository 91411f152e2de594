// What is asked of Oracle's dictionary and of the session. Everything here may be read by any user that may read the table itself.

/** Every session says so first: nothing of what a logon trigger or the environment chose must change how values are read or compared. */
export const SESSION_SQL = `ALTER SESSION SET NLS_NUMERIC_CHARACTERS = '.,' NLS_COMP = BINARY NLS_SORT = BINARY NLS_CALENDAR = 'GREGORIAN' TIME_ZONE = '+00:00'`;

export const PING_SQL = `SELECT 1 FROM DUAL`;
export const SERVER_SQL = `SELECT BANNER FROM V$VERSION`;
export const SCHEMA_SQL = `SELECT SYS_CONTEXT('USERENV', 'SESSION_USER'), SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA') FROM DUAL`;
export const CHARACTER_SET_SQL = `SELECT VALUE FROM NLS_DATABASE_PARAMETERS WHERE PARAMETER = 'NLS_CHARACTERSET'`;

/** Where the current system change number may be asked for; each wants a right of its own. As text, since it may exceed 2^53. */
export const SCN_SQLS = [
  `SELECT TO_CHAR(DBMS_FLASHBACK.GET_SYSTEM_CHANGE_NUMBER) FROM DUAL`,
  `SELECT TO_CHAR(CURRENT_SCN) FROM V$DATABASE`,
] as const;

export const READ_ONLY_SQL = `SET TRANSACTION READ ONLY`;

/** The columns of all tables and views that have one of the names in one of the schemas: `DictionaryRow`s. Binds: owners, then names. */
export function columnsSql(owners: number, names: number): string {
  const binds = (from: number, count: number) => Array.from({ length: count }, (_, i) => `:${from + i}`).join(', ');
  return `SELECT C.OWNER, C.TABLE_NAME, C.COLUMN_NAME, C.DATA_TYPE, C.DATA_TYPE_OWNER, C.DATA_LENGTH, C.CHAR_LENGTH, C.DATA_PRECISION, C.DATA_SCALE,
  C.VIRTUAL_COLUMN, I.GENERATION_TYPE
FROM ALL_TAB_COLS C
LEFT JOIN ALL_TAB_IDENTITY_COLS I ON I.OWNER = C.OWNER AND I.TABLE_NAME = C.TABLE_NAME AND I.COLUMN_NAME = C.COLUMN_NAME
WHERE C.OWNER IN (${binds(1, owners)}) AND C.TABLE_NAME IN (${binds(owners + 1, names)}) AND C.HIDDEN_COLUMN = 'NO'
ORDER BY C.OWNER, C.TABLE_NAME, C.COLUMN_ID`;
}

/** One row where it is a table, with its rows at the last gathering of statistics (null: never); none where it is a view. */
export const TABLE_SQL = `SELECT NUM_ROWS FROM ALL_TABLES WHERE OWNER = :1 AND TABLE_NAME = :2`;

/** Name and column of what keeps its columns unique: enabled constraints, and indexes without one. Binds: owner, table, twice. */
export const UNIQUE_SQL = `SELECT C.CONSTRAINT_NAME, K.COLUMN_NAME
FROM ALL_CONSTRAINTS C
JOIN ALL_CONS_COLUMNS K ON K.OWNER = C.OWNER AND K.CONSTRAINT_NAME = C.CONSTRAINT_NAME
WHERE C.OWNER = :1 AND C.TABLE_NAME = :2 AND C.CONSTRAINT_TYPE IN ('P', 'U') AND C.STATUS = 'ENABLED' AND C.VALIDATED = 'VALIDATED'
UNION ALL
SELECT I.INDEX_NAME, K.COLUMN_NAME
FROM ALL_INDEXES I
JOIN ALL_IND_COLUMNS K ON K.INDEX_OWNER = I.OWNER AND K.INDEX_NAME = I.INDEX_NAME
WHERE I.TABLE_OWNER = :3 AND I.TABLE_NAME = :4 AND I.UNIQUENESS = 'UNIQUE' AND I.STATUS <> 'UNUSABLE'`;

/** What the session may do with another schema's table: privileges on it, on some of its columns, and on any table. */
export const PRIVILEGES_SQL = `SELECT PRIVILEGE FROM ALL_TAB_PRIVS WHERE TABLE_SCHEMA = :1 AND TABLE_NAME = :2
UNION
SELECT PRIVILEGE FROM ALL_COL_PRIVS WHERE TABLE_SCHEMA = :3 AND TABLE_NAME = :4
UNION
SELECT PRIVILEGE FROM SESSION_PRIVS`;
