// The flags of the commands that repair, and what they come to as options of a run.

import { Flags, type Interfaces } from '@oclif/core';
import type { GateOptions, RepairOptions } from '../src/run/options.ts';
import { countOf, durationOf, percentOf } from './flag-values.ts';
import { flagValue } from './run-flags.ts';
import { UsageError } from './usage-error.ts';

export const gateFlags = {
  wait: Flags.string({
    summary: 'With --apply: wait this long for the health gate (probes with gate: true) instead of refusing at once.',
    helpValue: '10m',
    helpGroup: 'HEALTH GATE',
  }),
  'ignore-gates': Flags.boolean({
    summary: 'With --apply: write whatever the health gate says.',
    helpGroup: 'HEALTH GATE',
    exclusive: ['wait'],
  }),
};

type GateFlags = Interfaces.InferredFlags<typeof gateFlags>;

export function gateOptions(flags: GateFlags & { readonly apply: boolean; readonly resume: boolean }): GateOptions {
  const given = (['wait', 'ignore-gates'] as const).find((name) => Boolean(flags[name]));
  if (given !== undefined && !flags.apply && !flags.resume)
    throw new UsageError(`--${given} is for a repair: add --apply`, 'What only reads asks no gate.');
  return { wait: flagValue('wait', flags.wait, durationOf), ignoreGates: flags['ignore-gates'] };
}

export const repairFlags = {
  apply: Flags.boolean({ summary: 'Write. Without it nothing is.', helpGroup: 'REPAIR' }),
  ...gateFlags,
  'delete-orphans': Flags.boolean({
    summary: 'Also delete records that the source does not have.',
    helpGroup: 'REPAIR',
  }),
  'delete-duplicates': Flags.boolean({
    summary: 'Also delete the copies of a record that are too many.',
    helpGroup: 'REPAIR',
  }),
  'overwrite-ahead': Flags.boolean({
    summary: 'Also overwrite records whose version is newer than the source’s.',
    helpGroup: 'REPAIR',
  }),
  'max-rows': Flags.string({
    summary: 'Most records to write in one replica; refused (exit 4) beyond. Default: limits.maxRows, 10,000.',
    helpValue: 'N',
    helpGroup: 'REPAIR',
  }),
  'max-percent': Flags.string({
    summary: 'The same in percent of the replica. Default: limits.maxPercent, 10.',
    helpValue: '10',
    helpGroup: 'REPAIR',
  }),
  'max-deletes': Flags.string({
    summary: 'Most records to delete in one replica; refused (exit 4) beyond. Default: limits.maxDeletes, 1,000.',
    helpValue: 'N',
    helpGroup: 'REPAIR',
  }),
  rate: Flags.string({
    summary: 'Most records to write a second. Default: limits.rate, or as fast as it goes.',
    helpValue: 'N',
    helpGroup: 'REPAIR',
  }),
  'force-empty': Flags.boolean({ summary: 'The source is right although it looks empty.', helpGroup: 'REPAIR' }),
  'force-shrunk': Flags.boolean({
    summary: 'The source is right although it has far fewer rows than at the last run (limits.maxShrink, 50 %).',
    helpGroup: 'REPAIR',
  }),
  'force-window': Flags.boolean({
    summary: 'Write outside of the maintenance window (limits.window) too.',
    helpGroup: 'REPAIR',
  }),
};

type RepairFlags = Interfaces.InferredFlags<typeof repairFlags>;

/** Throws a UsageError that names the flag. */
export function repairOptions(flags: RepairFlags & { readonly resume: boolean }): RepairOptions {
  return {
    ...gateOptions(flags),
    apply: flags.apply,
    deleteOrphans: flags['delete-orphans'],
    deleteDuplicates: flags['delete-duplicates'],
    overwriteAhead: flags['overwrite-ahead'],
    maxRows: flagValue('max-rows', flags['max-rows'], (words) => countOf(words, 0)),
    maxPercent: flagValue('max-percent', flags['max-percent'], percentOf),
    maxDeletes: flagValue('max-deletes', flags['max-deletes'], (words) => countOf(words, 0)),
    rate: flagValue('rate', flags.rate, (words) => countOf(words, 1)),
    forceEmpty: flags['force-empty'],
    forceShrunk: flags['force-shrunk'],
    forceWindow: flags['force-window'],
  };
}
