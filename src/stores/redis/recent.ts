// Drops keys that a SCAN brings twice, in bounded memory.
//
// A cursor brings a key again only when the server's table shrinks between two calls: then the place where the cursor stands takes in those
// next to it, some of which were read just before (dictScan in Redis' dict.c). So what was read lately is all that need be remembered, and
// a table would have to shrink by more than this factor at once to bring an older key again. Nobody is misled by one: it is looked at by key.

const KEYS_A_GENERATION = 16_384;

export class RecentKeys {
  private young = new Set<string>();
  private old = new Set<string>();

  /** False where the key was added lately. */
  add(key: string): boolean {
    if (this.young.has(key) || this.old.has(key)) return false;
    this.young.add(key);
    if (this.young.size >= KEYS_A_GENERATION) {
      this.old = this.young;
      this.young = new Set();
    }
    return true;
  }
}
