import type { ServerResponse } from 'node:http';

/** A response's head just before it leaves. Header names in lower case. */
export interface ResponseHead {
  readonly status: number;
  get(name: string): string | readonly string[] | number | undefined;
  set(name: string, value: string | readonly string[]): void;
  remove(name: string): void;
}

type HeadersArgument = Record<string, HeaderValue> | readonly (string | readonly string[] | HeaderValue)[];
type HeaderValue = string | readonly string[] | number | undefined;

/**
 * The head as it will be sent: what `setHeader` has gathered, overridden by what is handed to `writeHead`. Node lets
 * `writeHead`'s argument win, so a change has to go where the header stands.
 */
export function headOf(response: ServerResponse, writeHeadArguments: unknown[] | undefined): ResponseHead {
  const at = writeHeadArguments ? headersIndex(writeHeadArguments) : -1;
  const given = writeHeadArguments?.[at] as HeadersArgument | undefined;
  if (!writeHeadArguments || !given) return gatheredHead(response, writeHeadArguments);
  const pairs: [string, HeaderValue][] = Array.isArray(given) ? pairsOf(given) : Object.entries(given);
  const store = (): void => {
    // An object keeps Node's fast path; Node refuses pairs when headers were set before, but not the flat array.
    writeHeadArguments[at] = Array.isArray(given) ? pairs.flat() : Object.fromEntries(pairs);
  };
  const head: ResponseHead = {
    status: Number(writeHeadArguments[0]),
    get(name) {
      const values = pairs.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
      if (values.length === 0) return response.getHeader(name);
      return values.length === 1 ? values[0] : values.flat().map(String);
    },
    set(name, value) {
      head.remove(name);
      // One pair even for a list: of a name that comes twice, Node 20 keeps the last when headers were set before.
      pairs.push([name, value]);
      store();
    },
    remove(name) {
      for (let i = pairs.length - 1; i >= 0; i--)
        if (pairs[i]?.[0].toLowerCase() === name) pairs.splice(i, 1);
      response.removeHeader(name);
      store();
    },
  };
  return head;
}

function gatheredHead(response: ServerResponse, writeHeadArguments: unknown[] | undefined): ResponseHead {
  return {
    status: Number(writeHeadArguments?.[0] ?? response.statusCode),
    get: name => response.getHeader(name),
    set: (name, value) => void response.setHeader(name, value),
    remove: name => response.removeHeader(name),
  };
}

/** `writeHead(status, headers)` or `writeHead(status, message, headers)`. */
function headersIndex(args: unknown[]): number {
  return typeof args[1] === 'object' && args[1] !== null ? 1 : 2;
}

/** Node takes `[name, value, name, value]` and `[[name, value], …]`. */
function pairsOf(list: readonly unknown[]): [string, HeaderValue][] {
  if (Array.isArray(list[0])) return list.map(pair => [...(pair as [string, HeaderValue])]);
  const pairs: [string, HeaderValue][] = [];
  for (let i = 0; i + 1 < list.length; i += 2) pairs.push([String(list[i]), list[i + 1] as HeaderValue]);
  return pairs;
}
