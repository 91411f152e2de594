// What a file handle throws does not say which file it is of.

/** Does `work` on the file at `path`; what the system throws then says so. */
export async function naming<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Error && 'syscall' in error && !('path' in error)) Object.assign(error, { path });
    throw error;
  }
}

const FULL = new Set<unknown>(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** Whether the system had no room for what was to be written. */
export function isOutOfRoom(error: unknown): boolean {
  return error instanceof Error && 'code' in error && FULL.has(error.code);
}
