import { storeContract } from './contract.ts';
import { startNeo4j } from './neo4j-harness.ts';

storeContract('neo4j, nodes', startNeo4j('node'));
storeContract('neo4j, relationships', startNeo4j('relationship'));
