// What the Oracle store makes of its URL, its options and what goes wrong, without a server.

import { describe, expect, test } from 'vitest';
import { ConfigError, parseConfig, StoreError } from '../../src/index.ts';
import { Failures } from '../../src/stores/oracle/failure.ts';
import { candidates } from '../../src/stores/oracle/names.ts';
import { wordsOf } from '../../src/stores/oracle/spellings.ts';
import { credentialsOf, secretsOf } from '../../src/stores/oracle/url.ts';

describe('the URL', () => {
  test.each([
    [
      'oracle://erp:secret@db:1521/ORCLPDB1',
      {},
      { user: 'erp', password: 'secret', connectString: 'db:1521/ORCLPDB1' },
    ],
    ['oracle://e%40p:p%40s%2Fs@db/S', {}, { user: 'e@p', password: 'p@s/s', connectString: 'db/S' }],
    ['oracle://erp:100%@db/S', {}, { user: 'erp', password: '100%', connectString: 'db/S' }],
    ['oracle://erp:a:b@db/S', {}, { user: 'erp', password: 'a:b', connectString: 'db/S' }],
    ['oracle://erp:x@db:2484/S', { tls: true }, { user: 'erp', password: 'x', connectString: 'tcps://db:2484/S' }],
    ['oracle://erp:x@', { connectString: 'erp_high' }, { user: 'erp', password: 'x', connectString: 'erp_high' }],
    ['oracle://erp:x@a:1521,b:1521/S', {}, { user: 'erp', password: 'x', connectString: 'a:1521,b:1521/S' }],
  ])('%s %j', (url, options, expected) => {
    expect(credentialsOf('erp', url, options)).toEqual(expected);
  });

  test.each([
    'oracle://db:1521/S',
    'oracle://erp:s3cret@db',
    'oracle://erp:s3cret@/S',
    'postgres://erp:s3cret@db/S',
  ])('without a user, a host or a service is the config’s mistake: %s', (url) => {
    const attempt = () => credentialsOf('erp', url, {});
    expect(attempt).toThrow(ConfigError);
    expect(attempt).not.toThrow(/s3cret/);
  });

  test('its secrets are the password as it stands and as it reads, and the wallet’s', () => {
    expect(secretsOf('oracle://erp:p%40ss@db/S', { walletPassword: 'w' })).toEqual(['p%40ss', 'p@ss', 'w']);
  });
});

test('the options are read from the file, and what is none is a problem', () => {
  const configOf = (options: string) =>
    parseConfig(
      `{ source: { url: postgres://s }, stores: { erp: { kind: oracle, url: "\${ERP}", ${options} } },
         entities: { e: { table: t, replicas: [{ store: erp }] } } }`,
      '/nowhere/plumbline.yaml',
      { ERP: 'oracle://erp:x@db/S' },
    );
  const options = `schema: sales, thick: /opt/instantclient, walletLocation: /w, fetchArraySize: 500, snapshot: readOnly, timeouts: { call: 5000 }`;
  expect(configOf(options).stores.get('erp')!.options).toEqual({
    schema: 'sales',
    thick: '/opt/instantclient',
    walletLocation: '/w',
    fetchArraySize: 500,
    snapshot: 'readOnly',
    timeouts: { call: 5000 },
  });
  expect(() => configOf('snapshot: dirty')).toThrow(ConfigError);
  expect(() => configOf('walletPassword: literal')).toThrow(ConfigError);
});

describe('failures', () => {
  const failures = new Failures('erp', ['s3cret']);

  test.each<[string, boolean, RegExp]>([
    ['ORA-01017: invalid credential or not authorized; logon denied', false, /user and password/],
    ['ORA-12514: Service ORCL is not registered with the listener', false, /service/],
    ['NJS-518: cannot connect to Oracle Database. Service "X" is not registered', false, /service/],
    [
      'NJS-503: connection to host a port 1 could not be established. (CONNECTION_ID=x)\nconnect ECONNREFUSED',
      true,
      /listener/,
    ],
    ['NJS-500: connection to Oracle Database was closed or broken', true, /listener/],
    ['NJS-530: The host addresses or URLs provided by the connect string are incorrect', false, /host name/],
    ['NJS-533: Advanced Networking Option service negotiation failed', false, /thick/],
    [
      'NJS-508: TLS detected an invalid certificate. db not present in certificate',
      false,
      /as the certificate names it/,
    ],
    ['NJS-123: call timeout of 500 ms exceeded', true, /timeouts\.call/],
    ['DPI-1047: Cannot locate a 64-bit Oracle Client library', false, /thick/],
    ['ORA-03113: end-of-file on communication channel', true, /listener/],
    ['ORA-01033: ORACLE initialization or shutdown in progress', true, /Try again/],
    ['ORA-01555: snapshot too old', true, /undo_retention/],
    ['ORA-00060: deadlock detected while waiting for resource', true, /Try again/],
    ['ORA-00942: table or view "A"."B" does not exist', false, /GRANT/],
    ['ORA-01031: insufficient privileges', false, /GRANT/],
  ])('%s', (message, transient, hint) => {
    const error = failures.of(new Error(message), 'scan t') as StoreError;
    expect(error).toBeInstanceOf(StoreError);
    expect([error.transient, error.hint]).toEqual([transient, expect.stringMatching(hint)]);
    expect(error.message).not.toContain('CONNECTION_ID');
  });

  test('a password that a message holds is taken out, and the error that tells it is not kept', () => {
    const error = failures.of(new Error('ORA-20000: erp/s3cret'), 'connect') as StoreError;
    expect(error.message).toBe('erp: connect: ORA-20000: erp/***');
    expect(error.cause).toBeUndefined();
  });

  test('of a refused row the first line is told, of a deferred constraint the one that names it', () => {
    const words =
      'ORA-00001: unique constraint (S.U) violated\nORA-03301: row with column values (A:4111) already exists';
    expect(failures.ofRow(new Error(words), false)).toBe('ORA-00001: unique constraint (S.U) violated');
    expect(failures.ofRow(new Error(words), true)).toBe('ORA-00001: refused by the server');
    const deferred = 'ORA-02091: transaction rolled back\nORA-00001: unique constraint (S.U) violated';
    expect(failures.ofRow(new Error(deferred), false)).toBe('ORA-00001: unique constraint (S.U) violated');
  });
});

test('a target may mean the table as it is written, its upper-case name, and a table of the schema before a dot', () => {
  const names = (target: string) => candidates(target, 'ERP').map(({ owner, table }) => `${owner}/${table}`);
  expect(names('customers')).toEqual(['ERP/customers', 'ERP/CUSTOMERS']);
  expect(names('CUSTOMERS')).toEqual(['ERP/CUSTOMERS']);
  expect(names('We ird')).toEqual(['ERP/We ird']);
  expect(names('hr.emp')).toEqual(['ERP/hr.emp', 'hr/emp', 'HR/emp', 'hr/EMP', 'HR/EMP']);
});

test('words for true and false are used only if they can be read back', () => {
  expect(wordsOf('Y/N')).toEqual(['Y', 'N']);
  expect(wordsOf('si/no')).toBeUndefined();
  expect(wordsOf('N/Y')).toBeUndefined();
  expect(wordsOf('boolean')).toBeUndefined();
});
