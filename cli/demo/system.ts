// What demo.ts knows of either system: how it is called, where it is, and that its act can be played.

import type { ActOptions } from './act.ts';
import type { ActName } from './servers.ts';
import type { Story } from './story.ts';

export interface Size {
  readonly rows: number;
  readonly seed: number;
}

export interface PlayOptions extends ActOptions {
  /** For the runs' folders. */
  readonly folder: string;
}

export interface System {
  readonly name: ActName;
  readonly title: string;
  /** Those that run. */
  readonly stores: readonly string[];
  /** What the variables in its plumbline.yaml stand for. */
  readonly environment: Readonly<Record<string, string>>;
  /** plumbline.yaml for these stores. */
  configText(): Promise<string>;
  /** Seeds it and tells the act. */
  play(story: Story, size: Size, options: PlayOptions): Promise<void>;
}
