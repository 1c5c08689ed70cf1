import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SessionModuleOptions } from '../../lib/index.js';

/** Where the sessions of a test are. */
export interface BackendPlace {
  /** The options that name it. A second application with the same options shares the sessions, if the backend does. */
  readonly options: SessionModuleOptions;
  dispose(): Promise<void>;
}

export interface Backend {
  readonly name: string;
  /** Whether several applications, and processes, can share the sessions. */
  readonly isShared: boolean;
  /** A fresh, empty place. */
  place(): Promise<BackendPlace>;
}

const memory: Backend = {
  name: 'memory',
  isShared: false,
  place: async () => ({ options: { type: 'memory' }, dispose: async () => undefined }),
};

const filesystem: Backend = {
  name: 'filesystem',
  isShared: true,
  async place() {
    const parent = await mkdtemp(join(tmpdir(), 'nestjs-http-session-'));
    return {
      options: { type: 'filesystem', directory: join(parent, 'sessions') },
      dispose: () => rm(parent, { recursive: true, force: true }),
    };
  },
};

/** Every store that the e2e suite runs over. */
export const backends: readonly Backend[] = [memory, filesystem];
