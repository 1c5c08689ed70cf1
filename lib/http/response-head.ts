import type { ServerResponse } from 'node:http';

/** A response's head just before it leaves. Header names are in lower case. */
export interface ResponseHead {
  readonly status: number;
  get(name: string): string | readonly string[] | number | undefined;
  set(name: string, value: string | readonly string[]): void;
  remove(name: string): void;
}

type HeaderValue = string | readonly string[] | number | undefined;
type Headers = Readonly<Record<string, HeaderValue>>;

/**
 * The head as it will be sent: the headers that `setHeader` collected, overridden by those passed to `writeHead`. Node
 * prefers the argument of `writeHead`, so a header has to be changed in the place where it was set.
 */
export function headOf(response: ServerResponse, writeHeadArguments: unknown[] | undefined): ResponseHead {
  const at = writeHeadArguments ? headersIndex(writeHeadArguments) : -1;
  const given = writeHeadArguments?.[at] as Headers | readonly unknown[] | undefined;
  if (!writeHeadArguments || !given) return gatheredHead(response, writeHeadArguments);
  return Array.isArray(given)
    ? listedHead(response, writeHeadArguments, at, pairsOf(given))
    : givenHead(response, writeHeadArguments, at, given as Headers);
}

/**
 * `writeHead(status, { name: value })`, as Fastify calls it for every response. The application may use the object
 * again, so it is never changed.
 */
function givenHead(response: ServerResponse, args: unknown[], at: number, given: Headers): ResponseHead {
  let headers = given;
  const without = (name: string): Record<string, HeaderValue> => {
    const others: Record<string, HeaderValue> = { ...headers };
    for (const key of Object.keys(headers)) if (isNamed(key, name)) delete others[key];
    return others;
  };
  return {
    status: Number(args[0]),
    get(name) {
      const values = Object.keys(headers)
        .filter(key => isNamed(key, name))
        .map(key => headers[key]);
      return values.length === 0 ? response.getHeader(name) : oneOf(values);
    },
    set(name, value) {
      const others = without(name);
      others[name] = value;
      response.removeHeader(name);
      args[at] = headers = others;
    },
    remove(name) {
      response.removeHeader(name);
      args[at] = headers = without(name);
    },
  };
}

/** `writeHead(status, [name, value, …])`. */
function listedHead(
  response: ServerResponse,
  args: unknown[],
  at: number,
  pairs: [string, HeaderValue][],
): ResponseHead {
  const store = (): void => {
    args[at] = pairs.flat(); // Node refuses pairs if headers were set before, but accepts the flat array
  };
  const head: ResponseHead = {
    status: Number(args[0]),
    get(name) {
      const values = pairs.filter(([key]) => isNamed(key, name)).map(([, value]) => value);
      return values.length === 0 ? response.getHeader(name) : oneOf(values);
    },
    set(name, value) {
      head.remove(name);
      // A list is one pair. If a name occurs twice and headers were set before, Node 20 keeps only the last.
      pairs.push([name, value]);
      store();
    },
    remove(name) {
      for (let i = pairs.length - 1; i >= 0; i--) if (isNamed(pairs[i]?.[0] ?? '', name)) pairs.splice(i, 1);
      response.removeHeader(name);
      store();
    },
  };
  return head;
}

const isNamed = (key: string, name: string): boolean =>
  key.length === name.length && key.toLowerCase() === name;

/** The value of a header, or all values of a header that occurs more than once. */
const oneOf = (values: readonly HeaderValue[]): HeaderValue =>
  values.length === 1 ? values[0] : values.flat().map(String);

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

/** Node accepts `[name, value, name, value]` and `[[name, value], …]`. */
function pairsOf(list: readonly unknown[]): [string, HeaderValue][] {
  if (Array.isArray(list[0])) return list.map(pair => [...(pair as [string, HeaderValue])]);
  const pairs: [string, HeaderValue][] = [];
  for (let i = 0; i + 1 < list.length; i += 2) pairs.push([String(list[i]), list[i + 1] as HeaderValue]);
  return pairs;
}
