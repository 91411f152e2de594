// The section of a failback: its defaults, and what is wrong with it, all at once.

import { expect, test } from 'vitest';
import { ConfigError, parseConfig } from '../../src/index.ts';

const variable = (name: string) => ['$', '{', name, '}'].join('');
const env = { HERE: 'postgres://app:secret@here/shop', THERE: 'postgres://app:secret2@there/shop' };

const configOf = (failback: object) =>
  parseConfig(
    JSON.stringify({
      source: { url: variable('HERE') },
      stores: { backup: { kind: 'postgres', url: variable('THERE') } },
      entities: { orders: { table: 'orders', replicas: [{ store: 'backup' }] } },
      failback,
    }),
    'plumbline.yaml',
    env,
  );

test('what is not said has its default', () => {
  expect(configOf({ there: { url: variable('THERE') } }).failback).toEqual({
    here: { url: env.HERE, tls: undefined },
    there: { url: env.THERE, tls: undefined },
    parted: undefined,
    margin: 5000,
    policy: 'manual',
    version: undefined,
    created: undefined,
    timeZone: undefined,
    tables: undefined,
    except: [],
    rules: new Map(),
  });
});

test.each(['2026-11-27T23:14:07Z', '2026-11-27 23:14:07.123+01', '0/3000148'])('%s says when they parted', (parted) => {
  expect(configOf({ there: { url: variable('THERE') }, parted }).failback!.parted).toBe(parted);
});

test('every problem is named', () => {
  try {
    configOf({
      there: { url: 'postgres://app:pw@there/shop' },
      parted: '2026-11-27 23:14',
      policy: 'newer',
      timeZone: 'Lima',
      tables: [],
      rules: { orders: { neverdeleted: true } },
    });
    expect.fail('it was taken');
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    const problems = (error as ConfigError).problems.map(({ path, message }) => `${path}: ${message}`);
    expect(problems.sort()).toEqual([
      expect.stringMatching(/^failback\.parted: is neither auto, nor a time with its zone/),
      'failback.policy: must be one of newest, here, there, manual',
      expect.stringMatching(/^failback\.rules\.orders\.neverdeleted: unknown key; did you mean "neverDeleted"/),
      expect.stringMatching(/^failback\.tables: /),
      expect.stringMatching(/^failback\.there\.url: a secret stands in the file/),
      'failback.timeZone: there is no time zone "Lima"',
    ]);
  }
});
