// Rights of files: a configuration or a folder of runs that others can write to is warned of, and what a run keeps is its owner's alone.

import { chmod, mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { type Accounts, freshAccounts, plumbline } from './plumbline.ts';

let accounts: Accounts;
beforeAll(async () => {
  accounts = await freshAccounts();
});

test('a configuration that others can write to is warned of, by every command', async () => {
  const file = join(accounts.folder, 'plumbline.yaml');
  expect((await plumbline(['check'], accounts.settings)).stderr).not.toContain('chmod');
  await chmod(file, 0o646);
  try {
    const checked = await plumbline(['check'], accounts.settings);
    expect(checked.stderr).toContain(`others can write to it`);
    expect(checked.stderr).toContain('chmod go-w plumbline.yaml');
    expect(checked.code).toBe(0);
    const { stdout, stderr } = await plumbline(['doctor', '--json'], accounts.settings);
    expect(stderr).toBe('');
    const { checks } = JSON.parse(stdout) as { checks: { subject: string; status: string }[] };
    expect(checks.filter(({ subject }) => subject === 'plumbline.yaml')).toMatchObject([{ status: 'warning' }]);
  } finally {
    await chmod(file, 0o644);
  }
});

test('so is the folder of the runs; and runs that others can read, by doctor', async () => {
  const folder = join(accounts.folder, '.plumbline');
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o777);
  expect((await plumbline(['check'], accounts.settings)).stderr).toContain(`chmod go-w ${folder}`);
  await chmod(folder, 0o700);
  const runs = join(folder, 'runs');
  const [run] = await readdir(runs);
  await chmod(join(runs, run!), 0o755);
  try {
    const doctor = await plumbline(['doctor'], accounts.settings);
    expect(doctor.stdout).toContain(`chmod -R go-rwx`);
    expect((await plumbline(['check'], accounts.settings)).stderr).not.toContain('chmod');
  } finally {
    await chmod(join(runs, run!), 0o700);
  }
});

test('everything that a run keeps is its owner’s alone, whatever the umask', async () => {
  const runs = join(accounts.folder, '.plumbline', 'runs');
  expect((await plumbline(['check'], accounts.settings)).code).toBe(0);
  for (const entry of await readdir(runs, { recursive: true, withFileTypes: true })) {
    const { mode } = await stat(join(entry.parentPath, entry.name));
    expect((mode & 0o777).toString(8), entry.name).toBe(entry.isDirectory() ? '700' : '600');
  }
});
