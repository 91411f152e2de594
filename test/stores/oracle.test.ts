import { storeContract } from './contract.ts';
import { startOracle } from './oracle-harness.ts';

storeContract('Oracle', startOracle());
