// Every property begins from one seed: a gate that fails by luck says nothing about the change. PLUMBLINE_PROPERTY_SEED=random, or a number,
// looks elsewhere; fast-check prints the seed that failed.

import fc from 'fast-check';

const { PLUMBLINE_PROPERTY_SEED: seed = '1' } = process.env;
if (seed !== 'random') fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(seed) });
