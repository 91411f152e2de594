import { startRedis } from './redis-harness.ts';
import { storeContract } from './contract.ts';

storeContract('redis, records as hashes', startRedis('hash'));
storeContract('redis, records as JSON', startRedis('json'));
