import { setTimeout as wait } from 'node:timers/promises';
import { expect } from 'vitest';
import { idOf, untilItWorks } from './redis-records.js';
import { RedisServer } from './redis-servers.js';

const SLOTS = 16_384;

/** The settings of a Cluster node. */
export const clusterSettings = [
  '--cluster-enabled',
  'yes',
  '--cluster-node-timeout',
  '2000',
  '--cluster-config-file',
  'nodes.conf',
];

/** Starts a Cluster of masters that share all slots. */
export async function startCluster(count: number): Promise<RedisServer[]> {
  const nodes = await Promise.all(Array.from({ length: count }, () => RedisServer.start(clusterSettings)));
  for (const [i, node] of nodes.entries()) {
    await node.ask('CLUSTER', 'SET-CONFIG-EPOCH', i + 1);
    const from = Math.ceil((i * SLOTS) / count);
    const to = Math.ceil(((i + 1) * SLOTS) / count);
    await node.ask('CLUSTER', 'ADDSLOTS', ...Array.from({ length: to - from }, (_, slot) => from + slot));
    if (i > 0) await nodes[0]!.ask('CLUSTER', 'MEET', '127.0.0.1', node.port);
  }
  await agree(nodes, count);
  return nodes;
}

/** Adds a master without slots. The nodes know it; clients of the Cluster do not. */
export async function addNode(nodes: RedisServer[]): Promise<RedisServer> {
  const node = await RedisServer.start(clusterSettings);
  await nodes[0]!.ask('CLUSTER', 'MEET', '127.0.0.1', node.port);
  nodes.push(node);
  await agree(nodes, nodes.length);
  return node;
}

/** Waits until every node knows this many nodes and reports that the Cluster is ok. */
export async function agree(nodes: readonly RedisServer[], count: number): Promise<void> {
  await untilItWorks(async () => {
    for (const node of nodes) {
      const info = String(await node.ask('CLUSTER', 'INFO'));
      expect(info).toContain('cluster_state:ok');
      expect(info).toContain(`cluster_known_nodes:${count}`);
    }
  }, 15_000);
}

/** The id of this node in the Cluster. */
export async function nameOf(node: RedisServer): Promise<string> {
  return String(await node.ask('CLUSTER', 'MYID'));
}

/** Whether this node is the master of the slot. */
export async function owns(node: RedisServer, slot: number): Promise<boolean> {
  const shards = (await node.ask('CLUSTER', 'SLOTS')) as [number, number, [string, number]][];
  return shards.some(([from, to, [, port]]) => from <= slot && slot <= to && port === node.port);
}

/** Adds a replica of this master, and waits until all nodes know it. */
export async function addReplica(nodes: RedisServer[], master: RedisServer): Promise<RedisServer> {
  const replica = await addNode(nodes);
  await replica.ask('CLUSTER', 'REPLICATE', await nameOf(master));
  await untilItWorks(async () => {
    expect(String(await replica.ask('INFO', 'replication'))).toContain('master_link_status:up');
    expect(String(await master.ask('CLUSTER', 'SLOTS'))).toContain(String(replica.port));
  }, 15_000);
  return replica;
}

/** Finds a label whose session is on this node. */
export async function labelOn(node: RedisServer, name: string): Promise<string> {
  for (let i = 0; ; i++) {
    const slot = Number(await node.ask('CLUSTER', 'KEYSLOT', `session:${idOf(`${name} ${i}`)}`));
    if (await owns(node, slot)) return `${name} ${i}`;
  }
}

/** Moves a slot in the same way as `redis-cli --cluster reshard`. */
export async function migrate(
  slot: number,
  from: RedisServer,
  to: RedisServer,
  nodes: readonly RedisServer[],
): Promise<void> {
  await to.ask('CLUSTER', 'SETSLOT', slot, 'IMPORTING', await nameOf(from));
  await from.ask('CLUSTER', 'SETSLOT', slot, 'MIGRATING', await nameOf(to));
  await wait(10);
  for (;;) {
    const keys = (await from.ask('CLUSTER', 'GETKEYSINSLOT', slot, 10)) as string[];
    if (keys.length === 0) break;
    await from.ask('MIGRATE', '127.0.0.1', to.port, '', 0, 1_000, 'KEYS', ...keys);
    await wait(10);
  }
  for (const node of [to, from, ...nodes])
    await node.ask('CLUSTER', 'SETSLOT', slot, 'NODE', await nameOf(to));
}
