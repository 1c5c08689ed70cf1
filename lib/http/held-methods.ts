import type { ServerResponse } from 'node:http';
import type { AnyFunction, HeadMethod, Hold } from './head-participant.interface.js';
import { slotOf } from './request-slot.js';

const METHODS: readonly HeadMethod[] = ['write', 'end', 'writeHead', 'flushHeaders'];

/**
 * Wraps the four methods that send the head, once, on the prototype. Adding them to every response would be expensive:
 * Express replaces the prototype of each response, and V8 then builds a hidden class per added property.
 */
export function makeHoldable(prototype: object): void {
  for (const method of METHODS) {
    const original = Reflect.get(prototype, method) as AnyFunction;
    Object.defineProperty(prototype, method, {
      configurable: true,
      writable: true,
      value: heldOnPrototype(method, original),
    });
  }
}

/** Maps each method that `makeHoldable` installed to the method that it wraps. */
const ORIGINALS = new WeakMap<AnyFunction, AnyFunction>();
export const originalOf = (method: AnyFunction): AnyFunction => ORIGINALS.get(method) ?? method;

function holdOf(response: ServerResponse): Hold | undefined {
  return slotOf(response.req)?.hold;
}

/** Stands on one response, in front of a method that other middleware wrapped. */
function heldOnResponse(method: HeadMethod): AnyFunction {
  return function (this: ServerResponse, ...args) {
    return holdOf(this)?.call(method, args);
  };
}

/** Stands on a prototype, in front of the method of its own prototype. */
function heldOnPrototype(method: HeadMethod, original: AnyFunction): AnyFunction {
  const holdable = function (this: ServerResponse, ...args: unknown[]): unknown {
    const hold = holdOf(this);
    return hold?.intercepts(method, original) === true ? hold.call(method, args) : original.apply(this, args);
  };
  ORIGINALS.set(holdable, original);
  return holdable;
}

export const HELD: Record<HeadMethod, AnyFunction> = {
  write: heldOnResponse('write'),
  end: heldOnResponse('end'),
  writeHead: heldOnResponse('writeHead'),
  flushHeaders: heldOnResponse('flushHeaders'),
};
