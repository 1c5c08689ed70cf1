import type { SessionConfigProblem } from '../errors/session-config.error.js';
import { parseDuration } from '../time/duration.js';
import { nearest } from './nearest-name.js';

/**
 * Reads the fields of one options object and notes a problem for each field that is wrong. The methods return
 * `undefined` for a wrong field, and for a field that is not given. `null` counts as not given.
 */
export class OptionReader<Name extends string = string> {
  private readonly wrong = new Set<Name>();

  constructor(
    private readonly given: Readonly<Record<string, unknown>>,
    /** The prefix of a field's name in a problem: `''` or `'cookie.'`. */
    private readonly path: string,
    private readonly problems: SessionConfigProblem[],
  ) {}

  value(name: Name): unknown {
    return this.given[name] ?? undefined;
  }

  /** Whether the field is there, also with the value `undefined`: an environment variable may not be set. */
  isGiven(name: Name): boolean {
    return Object.hasOwn(this.given, name);
  }

  /** The names of the fields that are given. */
  names(): string[] {
    return Object.keys(this.given).filter(name => (this.given[name] ?? undefined) !== undefined);
  }

  problem(name: Name, message: string): undefined {
    this.wrong.add(name);
    this.report(name, message);
  }

  /**
   * Whether none of these fields is wrong. Check this before a rule about several fields, or one problem is noted
   * twice.
   */
  areSound(...names: Name[]): boolean {
    return names.every(name => !this.wrong.has(name));
  }

  /** Notes a problem for every given name that is not known. `explain` may return a better message for a name. */
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

  /** A duration in milliseconds, from one to `max`. `limit` describes `max` in the message. */
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

  /** A whole number from 1 to `max`. */
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

/** Describes a value for a message: a short plain value as it would be written, any other value by its kind. */
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

/**
 * Escapes control characters: configuration from a file or the environment must not forge log lines or steer
 * terminals.
 */
function printable(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    character => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
