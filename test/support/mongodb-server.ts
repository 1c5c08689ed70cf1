import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MongoClient, type Db, type Document } from 'mongodb';
import { afterAll, describe, it } from 'vitest';
import { isChosen } from './chosen-stores.js';
import { freePort } from './free-port.js';

const HOW_TO_GET_IT =
  'there is no MongoDB: neither MONGODB_URI nor MONGODB_REPLSET_URI is set, no mongod is on the PATH, and none could be downloaded. ' +
  'Install MongoDB 5.0 or newer, or start the one of compose.yaml and set MONGODB_URI.';

const NEEDS_MONGOD =
  'it takes servers of its own, and there is no mongod on the PATH to start them with. Install MongoDB 5.0 or newer.';

const hasMongod = spawnSync('mongod', ['--version']).status === 0;
const cleanUps: (() => unknown)[] = [];

// Each test file that needs a server starts its own, and stops it at the end.
afterAll(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** A server that is already running, or that was started for this test file. */
export interface MongoServer {
  /** For most tests. */
  readonly url: string;
  /**
   * A member of a replica set, where writes can be retried. The same as `url` if there is no other server. A fail point
   * affects the whole server, so only the test file of the store uses this one.
   */
  readonly replicaSetUrl: string;
}

/** A value for skipped tests, because vitest collects them too. */
const NONE: MongoServer = { url: '', replicaSetUrl: '' };

const found = isChosen('mongodb') ? await findServer() : undefined;

/** Tests that need a MongoDB. Without one they are skipped, with one line of output; in CI they fail. */
export function describeWithMongo(name: string, tests: (server: MongoServer) => void): void {
  if (!found && process.env.CI) {
    it(`${name}: needs a MongoDB`, () => {
      throw new Error(HOW_TO_GET_IT);
    });
    return;
  }
  describeUnless(found ? undefined : HOW_TO_GET_IT, name, () => tests(found ?? NONE));
}

/** The address of the server that tests in `describeWithMongo` use. */
export function anyMongoUrl(): string {
  return (found ?? NONE).url;
}

/**
 * Tests that make the server fail. The check whether the server supports that sets its only fail point. Other files run
 * at the same time, so only the file of these tests makes the check.
 */
export async function describeWithFailPoints(
  name: string,
  tests: (server: MongoServer) => void,
): Promise<void> {
  if (!found || (await takesFailPoints(found))) return describeWithMongo(name, tests);
  const hint = 'the server takes no fail points. Start mongod with --setParameter enableTestCommands=1.';
  describeUnless(hint, name, () => tests(found));
}

async function takesFailPoints({ replicaSetUrl }: MongoServer): Promise<boolean> {
  return failCommands(await mongoClient(replicaSetUrl)).then(
    () => true,
    () => false, // the server does not know the command
  );
}

/** Tests that start their own servers with `Mongod`. Without a `mongod` they are skipped, in CI too. */
export function describeWithMongod(name: string, tests: () => void): void {
  describeUnless(hasMongod ? undefined : NEEDS_MONGOD, name, tests);
}

/** Adds parameters to a connection string. */
export function withParameters(url: string, parameters: Readonly<Record<string, string | number>>): string {
  const [place = '', query] = url.split('?');
  const added = Object.entries(parameters).map(([name, value]) => `${name}=${value}`);
  return `${place.replace(/^(\w+:\/\/[^/]+)$/, '$1/')}?${[...(query ? [query] : []), ...added].join('&')}`;
}

/** A client for the tests. It is closed at the end of the file. */
export async function mongoClient(url: string): Promise<MongoClient> {
  const client = new MongoClient(url, { serverSelectionTimeoutMS: 5_000 });
  cleanUps.push(() => client.close());
  return client.connect();
}

let databases = 0;

/** A database for this file only. It is dropped at the end of the file. */
export async function freshDatabase(url: string): Promise<Db> {
  const database = (await mongoClient(url)).db(`nestjs-http-session-${process.pid}-${databases++}`);
  cleanUps.push(() => database.dropDatabase());
  return database;
}

/** The settings of mongod's `failCommand` for the commands of one application. */
export interface CommandFailure {
  readonly failCommands: readonly string[];
  readonly errorCode?: number;
  readonly errorLabels?: readonly string[];
  readonly closeConnection?: true;
  readonly blockConnection?: true;
  readonly blockTimeMS?: number;
  readonly writeConcernError?: Document;
  readonly appName?: string;
}

/** Makes the next `times` commands fail, or all. Without a failure, commands succeed again. */
export async function failCommands(
  client: MongoClient,
  failure?: CommandFailure,
  times: number | 'always' = 1,
): Promise<void> {
  const mode = times === 'always' ? 'alwaysOn' : { times };
  await client
    .db('admin')
    .command({ configureFailPoint: 'failCommand', ...(failure ? { mode, data: failure } : { mode: 'off' }) });
}

/** A `mongod` for these tests, with its own process, port and folder. */
export class Mongod {
  private constructor(
    readonly port: number,
    readonly folder: string,
    readonly child: ChildProcess,
  ) {}

  static async start(settings: readonly string[] = []): Promise<Mongod> {
    const folder = await mkdtemp(join(tmpdir(), 'nestjs-http-session-mongod-'));
    const port = await freePort();
    const child = spawn(
      'mongod',
      [
        '--port',
        `${port}`,
        '--dbpath',
        folder,
        '--bind_ip',
        '127.0.0.1',
        '--setParameter',
        'enableTestCommands=1',
        ...settings,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const server = new Mongod(port, folder, child);
    cleanUps.push(() => server.stop());
    process.once('exit', () => child.kill('SIGKILL'));
    await new Promise<void>((resolve, reject) => {
      let said = '';
      child.stdout.on('data', (chunk: Buffer) => {
        said = (said + chunk.toString()).slice(-100_000);
        if (/Waiting for connections/i.test(said)) resolve();
      });
      child.once('exit', () => reject(new Error(`mongod did not start: ${said.slice(-2_000)}`)));
    });
    child.stdout.removeAllListeners('data').resume();
    return server;
  }

  /** Starts a replica set with this many members, and waits until it has a primary. */
  static async startReplicaSet(count: number): Promise<{ url: string; members: readonly Mongod[] }> {
    const members = await Promise.all(
      Array.from({ length: count }, () => Mongod.start(['--replSet', 'rs0'])),
    );
    const hosts = members.map(({ port }) => `127.0.0.1:${port}`);
    const first = await mongoClient(`mongodb://${hosts[0]}/?directConnection=true`);
    await first.db('admin').command({
      replSetInitiate: { _id: 'rs0', members: hosts.map((host, _id) => ({ _id, host })) },
    });
    const url = `mongodb://${hosts.join(',')}/?replicaSet=rs0`;
    const client = new MongoClient(url, { serverSelectionTimeoutMS: 30_000 });
    await client.db('admin').command({ ping: 1 }); // waits for the primary
    await client.close();
    return { url, members };
  }

  get url(): string {
    return `mongodb://127.0.0.1:${this.port}/`;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const exited = once(this.child, 'exit');
      this.child.kill('SIGKILL');
      await exited;
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}

function describeUnless(hint: string | undefined, name: string, tests: () => void): void {
  if (hint !== undefined) process.stderr.write(`skipped: ${name}: ${hint}\n`);
  describe.skipIf(hint !== undefined)(name, () => {
    tests();
  });
}

async function findServer(): Promise<MongoServer | undefined> {
  const { MONGODB_URI, MONGODB_REPLSET_URI } = process.env;
  const given = MONGODB_URI ?? MONGODB_REPLSET_URI;
  if (given !== undefined) return { url: given, replicaSetUrl: MONGODB_REPLSET_URI ?? given };
  const url = hasMongod ? (await Mongod.startReplicaSet(1)).url : await downloadedServer();
  return url === undefined ? undefined : { url, replicaSetUrl: url };
}

/** Downloads a `mongod` the first time. */
async function downloadedServer(): Promise<string | undefined> {
  process.env.MONGOMS_MAX_RETRIES ??= '0'; // each test file asks
  const { MongoBinary, MongoMemoryReplSet } = await import('mongodb-memory-server-core');
  try {
    await MongoBinary.getPath(); // if the download fails, this error is one line; the error of a replica set is a page
    const server = await MongoMemoryReplSet.create({
      replSet: { count: 1, args: ['--setParameter', 'enableTestCommands=1'] },
    });
    cleanUps.push(() => server.stop());
    return server.getUri();
  } catch (error) {
    process.stderr.write(`mongod could not be downloaded: ${String(error).split('\n')[0]}\n`);
    return undefined;
  }
}
