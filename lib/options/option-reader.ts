import type { SessionConfigProblem } from '../errors/session-config.error.js';
import { parseDuration } from '../time/duration.js';
import { nearest } from './nearest-name.js';

/**
 * Reads the fields of one options object, and notes a problem for each that is wrong. The methods give back
 * `undefined` for a field that is not given (`null` counts as not given) and for one that is wrong.
 */
export class OptionReader<Name extends string = string> {
  private readonly wrong = new Set<Name>();

  constructor(
    private readonly given: Readonly<Record<string, unknown>>,
    /** What stands before a field's name in a problem: `''` or `'cookie.'`. */
    private readonly path: string,
    private readonly problems: SessionConfigProblem[],
  ) {}

  value(name: Name): unknown {
    return this.given[name] ?? undefined;
  }

  /** Names of the fields that are given. */
  names(): string[] {
    return Object.keys(this.given).filter(name => (this.given[name] ?? undefined) !== undefined);
  }

  problem(name: Name, message: string): undefined {
    this.wrong.add(name);
    this.report(name, message);
  }

  /** Whether rules that concern several fields can be judged: one problem should not show up as two. */
  sound(...names: Name[]): boolean {
    return names.every(name => !this.wrong.has(name));
  }

  /** Notes a problem for every given name that is not known; `explain` may know more about some of them. */
  refuseUnknown(known: readonly string[], explain: (name: string) => string | undefined): void {
    for (const name of this.names()) {
      if (known.includes(name)) continue;
      const meant = nearest(name, known);
      const hint = meant === undefined ? 'Remove it.' : `Did you mean '${this.path}${meant}'?`;
      this.report(name, explain(name) ?? `there is no such option. ${hint}`);
    }
  }

  boolean(name: Name): boolean | undefined {
    const value = this.value(name);
    if (value === undefined || typeof value === 'boolean') return value;
    return this.problem(name, `is ${describe(value)}; write true or false, without quotes.`);
  }

  oneOf<Choice extends string | boolean>(name: Name, choices: readonly Choice[]): Choice | undefined {
    const value = this.value(name);
    if (value === undefined) return undefined;
    const choice = choices.find(candidate => candidate === value);
    return (
      choice ?? this.problem(name, `is ${describe(value)}; write ${choices.map(describe).join(' or ')}.`)
    );
  }

  /** Milliseconds of a duration of at least one millisecond and at most `max`, of which `limit` speaks. */
  duration(name: Name, example: string, max: number, limit: string): number | undefined {
    const value = this.value(name);
    if (value === undefined) return undefined;
    const milliseconds =
      typeof value === 'number' || typeof value === 'string' ? parseDuration(value) : undefined;
    if (milliseconds === undefined || milliseconds < 1) {
      const remedy = `write a whole number of milliseconds above zero, or text like '${example}'.`;
      return this.problem(name, `is ${describe(value)}; ${remedy}`);
    }
    if (milliseconds > max) {
      return this.problem(name, `is ${describe(value)}; at most ${limit}.`);
    }
    return milliseconds;
  }

  /** A whole number from one to `max`. */
  count(name: Name, unit: string, max = Number.MAX_SAFE_INTEGER): number | undefined {
    const value = this.value(name);
    if (value === undefined) return undefined;
    if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= max) return value;
    const range = max === Number.MAX_SAFE_INTEGER ? 'above zero' : `from 1 to ${max}`;
    return this.problem(name, `is ${describe(value)}; write a whole number of ${unit} ${range}.`);
  }

  private report(name: string, message: string): void {
    this.problems.push({ option: this.path + printable(name), message });
  }
}

/** What a value is, for a message: short plain values as they would be written, of all others only the kind. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return value.length <= 40 ? `'${printable(value)}'` : 'a long text';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return 'a list';
  return value === null || value === undefined
    ? 'missing'
    : typeof value === 'object'
      ? 'an object'
      : `a ${typeof value}`;
}

/** Configuration may come from files and the environment: nothing in it may steer a terminal or forge a line of the log. */
function printable(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    character => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
