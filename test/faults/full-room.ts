// Ways to run a child where there is no room for all that it has to keep: no file may grow beyond a limit (EFBIG), or its folder is a small file
// system of its own (ENOSPC), where this machine lets one have that without being root.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rename, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Seeded } from './seeded.ts';

export interface FullRoom {
  /** What the child's command line begins with. */
  readonly wrapper: readonly string[];
  /** To be called when it has ended: puts what it has kept where it would have been. */
  settle(): Promise<void>;
}

const BLOCK = 512;
const PAGE_KIB = 4;
const OWN_MOUNT = ['unshare', '--user', '--map-root-user', '--mount'];
const MOUNT_AND_RUN = `mkdir "$ROOM" && mount -t tmpfs -o size="$ROOM_SIZE" tmpfs "$ROOM" || exit 99
"$@"; code=$?; cp -a "$ROOM" "$ROOM.kept"; exit $code`;

/** `folder`: the child's. `most`: bytes of the longest file that it would keep. */
export function pickFullRoom({ below, percent }: Seeded, folder: string, most: number): FullRoom {
  const kept = join(folder, '.plumbline');
  const blocks = 1 + below(Math.ceil(most / BLOCK) + 2);
  const pages = 3 + below(Math.ceil((2 * most) / (PAGE_KIB * 1024)) + 6);
  const isMounted = percent(50) && !existsSync(kept) && canMount();
  if (!isMounted) return { wrapper: ['/bin/sh', '-c', `ulimit -f ${blocks}; exec "$@"`, 'sh'], settle: async () => {} };
  const settings = [`ROOM=${kept}`, `ROOM_SIZE=${pages * PAGE_KIB}k`];
  return {
    wrapper: [...OWN_MOUNT, 'env', ...settings, '/bin/sh', '-c', MOUNT_AND_RUN, 'sh'],
    async settle() {
      // Outside of the child's view nothing was mounted there.
      await rmdir(kept);
      await rename(`${kept}.kept`, kept);
    },
  };
}

let answer: boolean | undefined;

function canMount(): boolean {
  answer ??= spawnSync(OWN_MOUNT[0]!, [...OWN_MOUNT.slice(1), 'true']).status === 0;
  return answer;
}
