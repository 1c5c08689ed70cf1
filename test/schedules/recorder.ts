import { AsyncLocalStorage } from 'node:async_hooks';
import { jsonCodec } from '../../lib/index.js';
import { decodeMeta } from '../../lib/session/session-meta.js';
import { isDataField, keyOfField } from '../../lib/session/session-fields.js';
import type { SessionRecord } from '../../lib/index.js';
import type { Content, Moment, RequestRun, StoreCall } from './history.js';

/** Which request, and which of its operations, the running code belongs to. */
export interface Caller {
  readonly request: number;
  readonly operation?: number | undefined;
}

export const caller = new AsyncLocalStorage<Caller>();

/** Writes down what happens in one schedule. */
export class Recorder {
  readonly calls: StoreCall[] = [];
  readonly requests: RequestRun[];
  readonly trace: string[] = [];
  #moment = 0;

  constructor(requests: number) {
    this.requests = Array.from({ length: requests }, () => ({ operations: [] }));
  }

  tick(): Moment {
    return ++this.#moment;
  }
}

const contents = new WeakMap<SessionRecord, Content>();

/** Decodes a record. Records of the memory store never change, so each is decoded once. */
export function contentOf(record: SessionRecord): Content {
  const known = contents.get(record);
  if (known) return known;
  const data: Record<string, unknown> = {};
  const flashes: Record<string, unknown> = {};
  for (const [field, text] of Object.entries(record.data)) {
    if (isDataField(field)) data[keyOfField(field)] = jsonCodec.decode(text);
    else flashes[field] = jsonCodec.decode(text);
  }
  const { expiresAt, lastSeenAt } = record;
  const user = decodeMeta(record.meta, lastSeenAt)?.user;
  const content = { user, data, flashes, expiresAt, lastSeenAt };
  contents.set(record, content);
  return content;
}
