// Tables for doctor's self-test, in the schema of the user.

import type { Scratching } from '../store.ts';
import { codeOf } from './failure.ts';
import { quote } from './names.ts';
import type { Session } from './session.ts';

const NO_SUCH_TABLE = 'ORA-00942';

export function scratchTables(session: Session, user: string): Scratching {
  const tableOf = (name: string) => `${quote(user)}.${quote(name.toUpperCase())}`;
  return {
    canDuplicate: true,
    needs: 'GRANT CREATE TABLE TO the user, and a quota on its tablespace.',
    plant: (name, records) =>
      session.use('self-test', async (connection) => {
        await connection.execute(
          `CREATE TABLE ${tableOf(name)} (ID NUMBER(9), LABEL VARCHAR2(200 CHAR), CHANGED TIMESTAMP(3))`,
        );
        for (const { id, label, changed } of records) {
          const time = changed.toISOString().slice(0, 19).replace('T', ' ');
          await connection.execute(
            `INSERT INTO ${tableOf(name)} (ID, LABEL, CHANGED) VALUES (:1, :2, TO_TIMESTAMP(:3, 'YYYY-MM-DD HH24:MI:SS'))`,
            [id, label, time],
          );
        }
        await connection.commit();
        return { target: `${user}.${name.toUpperCase()}` };
      }),
    list: (prefix) =>
      session.use('self-test', async (connection) => {
        const start = prefix.toUpperCase();
        const rows = await session.query(
          connection,
          'SELECT TABLE_NAME FROM ALL_TABLES WHERE OWNER = :1 AND SUBSTR(TABLE_NAME, 1, LENGTH(:2)) = :3',
          [user, start, start],
        );
        return rows.map(([name]) => String(name));
      }),
    remove: (name) =>
      session.use('self-test', async (connection) => {
        await connection.execute(`DROP TABLE ${tableOf(name)} PURGE`).catch((error: unknown) => {
          if (codeOf(error) !== NO_SUCH_TABLE) throw error;
        });
      }),
  };
}
