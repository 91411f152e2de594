// What the role of the URL may not do to a table. Servers without access control, and those that don't say, deny nothing.

import type { Problem } from '../../errors.ts';
import type { Table } from './schema.ts';
import { type Connection, quoted, readSchema } from './session.ts';

export async function missingPermissions(connection: Connection, table: Table): Promise<readonly Problem[]> {
  const { user } = connection;
  if (user === undefined) return [];
  const listed = await Promise.all([
    readSchema(connection, `LIST ROLES OF ${quoted(user)}`),
    readSchema(connection, `LIST ALL PERMISSIONS OF ${quoted(user)}`),
  ]).catch(() => undefined);
  if (listed === undefined) return [];
  const [roles, permissions] = listed;
  if (roles.some((role) => role.super === true)) return [];
  const granted = permissions.some(
    ({ resource, permission }) => permission === 'MODIFY' && covers(String(resource), table),
  );
  if (granted) return [];
  const name = `${quoted(table.keyspace)}.${quoted(table.name)}`;
  return [
    {
      path: '',
      message: `the role ${user} may not write to ${table.keyspace}.${table.name}`,
      hint: `GRANT MODIFY ON ${name} TO ${quoted(user)};`,
    },
  ];
}

function covers(resource: string, { keyspace, name }: Table): boolean {
  return [
    '<all keyspaces>',
    `<keyspace ${keyspace}>`,
    `<all tables in ${keyspace}>`,
    `<table ${keyspace}.${name}>`,
  ].includes(resource);
}
