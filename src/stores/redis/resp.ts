// Redis' protocol, version 2: commands as bytes, and replies out of what the socket brings, in whatever pieces it comes.

import type { Command, Reply } from './session.ts';

export function encodeCommands(commands: readonly Command[]): string | Buffer {
  let isText = true;
  for (const command of commands) for (const part of command) if (typeof part !== 'string') isText = false;
  if (isText) {
    let text = '';
    for (const command of commands) {
      text += `*${command.length}\r\n`;
      for (const part of command) text += `$${Buffer.byteLength(part)}\r\n${part}\r\n`;
    }
    return text;
  }
  const pieces: Buffer[] = [];
  for (const command of commands) {
    pieces.push(Buffer.from(`*${command.length}\r\n`));
    for (const part of command) {
      pieces.push(Buffer.from(`$${Buffer.byteLength(part)}\r\n`), Buffer.from(part as Buffer), CRLF);
    }
  }
  return Buffer.concat(pieces);
}

/** As the driver names the errors that a server replies with. */
export class ReplyError extends Error {
  override readonly name = 'ReplyError';
}

const CRLF = Buffer.from('\r\n');
const BLOCK_BYTES = 512 * 1024;
const CR = 0x0d;
const MINUS = 0x2d;

/** Takes a socket's bytes and gives whole replies. What a reply holds lies in the parser's memory, which is never written over. */
export class ReplyParser {
  private block = Buffer.allocUnsafe(BLOCK_BYTES);
  /** Of the first reply that is not whole, and of what has come. */
  private start = 0;
  private end = 0;
  private at = 0;
  /** The first reply was begun before, in vain. */
  private begun = false;

  push(chunk: Buffer): void {
    if (this.end + chunk.length > this.block.length) {
      const left = this.end - this.start;
      const block = Buffer.allocUnsafe(Math.max(BLOCK_BYTES, 2 * (left + chunk.length)));
      this.block.copy(block, 0, this.start, this.end);
      this.block = block;
      this.start = 0;
      this.end = left;
    }
    chunk.copy(this.block, this.end);
    this.end += chunk.length;
  }

  /** The next whole reply; undefined: more must come. Throws for what is no reply. */
  next(): Reply | undefined {
    if (this.start === this.end) return undefined;
    this.at = this.start;
    // To look whether all of it is there is cheaper than to make it again and again.
    if (this.begun && !this.skip()) return undefined;
    this.at = this.start;
    const reply = this.reply();
    this.begun = reply === undefined;
    if (reply !== undefined) this.start = this.at;
    return reply;
  }

  private reply(): Reply | undefined {
    const { block } = this;
    const type = block[this.at];
    const from = this.at + 1;
    switch (type) {
      case 0x24: {
        const length = this.number(from);
        if (length === undefined) return undefined;
        if (length < 0) return null;
        const start = this.at;
        if (start + length + 2 > this.end) return undefined;
        this.at = start + length + 2;
        return block.subarray(start, start + length);
      }
      case 0x2a: {
        const count = this.number(from);
        if (count === undefined) return undefined;
        if (count < 0) return null;
        const items = new Array<Reply>(count);
        for (let i = 0; i < count; i++) {
          if (this.at >= this.end) return undefined;
          const item = this.reply();
          if (item === undefined) return undefined;
          items[i] = item;
        }
        return items;
      }
      case 0x3a:
        return this.number(from);
      case 0x2b:
      case MINUS: {
        const line = this.line(from);
        if (line === undefined) return undefined;
        return type === MINUS ? new ReplyError(line.toString()) : line;
      }
      default:
        throw new Error(`the server does not speak Redis’ protocol (byte ${type})`);
    }
  }

  /** As `reply`, making nothing. */
  private skip(): boolean {
    if (this.at >= this.end) return false;
    const type = this.block[this.at];
    if (type !== 0x24 && type !== 0x2a) return this.line(this.at + 1) !== undefined;
    const count = this.number(this.at + 1);
    if (count === undefined) return false;
    if (type === 0x24) {
      if (count >= 0) this.at += count + 2;
      return this.at <= this.end;
    }
    for (let i = 0; i < count; i++) if (!this.skip()) return false;
    return true;
  }

  /** A line that is a whole number; `at` is then behind it. */
  private number(from: number): number | undefined {
    const { block, end } = this;
    let at = from;
    const isNegative = block[at] === MINUS;
    if (isNegative) at++;
    let value = 0;
    for (; at < end; at++) {
      const byte = block[at]!;
      if (byte === CR) {
        if (at + 2 > end) return undefined;
        this.at = at + 2;
        return isNegative ? -value : value;
      }
      value = value * 10 + byte - 0x30;
    }
    return undefined;
  }

  private line(from: number): Buffer | undefined {
    const to = this.block.indexOf(CRLF, from);
    if (to < 0 || to + 2 > this.end) return undefined;
    this.at = to + 2;
    return this.block.subarray(from, to);
  }
}
