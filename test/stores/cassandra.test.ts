import { startCassandra } from './cassandra-harness.ts';
import { storeContract } from './contract.ts';

storeContract('cassandra', startCassandra);
