import type { SessionStore } from '../store/session-store.js';
import { storeTypes, type SessionStoreType } from './store-types.js';
import { nearest } from './nearest-name.js';
import { describe, isObject, type OptionReader } from './option-reader.js';
import type { ResolvedStore } from './resolved-session-options.interface.js';

const METHODS = ['load', 'create', 'update', 'touch', 'destroy'] as const;

const typeNames = Object.keys(storeTypes) as SessionStoreType[];
const KNOWN_TYPES = typeNames.map(type => `'${type}'`).join(', ');

/** Resolves the options `type` and `store`; `undefined` if a problem was noted. */
export function resolveStore(options: OptionReader): ResolvedStore | undefined {
  const type = options.value('type');
  const store = options.value('store');
  if (type === undefined && store === undefined) {
    return options.problem(
      'type',
      `is missing; write one of ${KNOWN_TYPES}, or give a store of your own as 'store'.`,
    );
  }
  if (type !== undefined && store !== undefined) {
    return options.problem('store', "is given together with 'type'; keep one of the two.");
  }
  return store === undefined ? resolveType(type, options) : resolveGiven(store, options);
}

/** The names of the options of this `type`. */
export function optionNamesOf(type: unknown): readonly string[] {
  return isKnownType(type) ? storeTypes[type].optionNames : [];
}

/** The message for an unknown option that belongs to another type; `undefined` if it belongs to none. */
export function explainStoreOption(name: string, type: unknown): string | undefined {
  const owners = typeNames
    .filter(owner => optionNamesOf(owner).includes(name))
    .map(owner => `type: '${owner}'`);
  if (owners.length === 0) return undefined;
  const place = isKnownType(type) ? `type: '${type}' does not take it` : 'here it has no effect';
  return `is an option of ${owners.join(' and ')}; ${place}. Remove it.`;
}

/** Whether a value has the five methods of a store. It does not have to extend `SessionStore`. */
export function isStore(value: unknown): value is SessionStore {
  return isObject(value) && missingMethods(value).length === 0;
}

function resolveType(type: unknown, options: OptionReader): ResolvedStore | undefined {
  if (!isKnownType(type)) {
    const meant = typeof type === 'string' ? nearest(type, typeNames) : undefined;
    const hint = meant === undefined ? '' : ` Did you mean '${meant}'?`;
    return options.problem('type', `is ${describe(type)}; write one of ${KNOWN_TYPES}.${hint}`);
  }
  const given = optionNamesOf(type).map(name => [name, options.value(name)] as const);
  const storeOptions = Object.fromEntries(given.filter(([, value]) => value !== undefined));
  return { kind: 'type', type, options: Object.freeze(storeOptions) };
}

function resolveGiven(store: unknown, options: OptionReader): ResolvedStore | undefined {
  if (isStore(store)) return { kind: 'given', store };
  if (typeof store === 'function') {
    return options.problem('store', 'is a class or a function; give an instance: new MySessionStore().');
  }
  if (!isObject(store)) {
    return options.problem(
      'store',
      `is ${describe(store)}; give an instance of a class that extends SessionStore.`,
    );
  }
  const missing = missingMethods(store).map(method => `${method}()`);
  return options.problem('store', `is not a SessionStore: it lacks ${missing.join(', ')}.`);
}

function missingMethods(value: Readonly<Record<string, unknown>>): string[] {
  return METHODS.filter(method => typeof value[method] !== 'function');
}

function isKnownType(type: unknown): type is SessionStoreType {
  return typeof type === 'string' && Object.hasOwn(storeTypes, type);
}
