import { describe, expect, it } from 'vitest';
import { OptionProblems } from './option-problems.js';

describe('OptionProblems', () => {
  it('throws nothing when every option is right', () => {
    expect(() => new OptionProblems('redis').throwIfAny()).not.toThrow();
  });

  it('names every wrong option, and the first problem of each', () => {
    const problems = new OptionProblems('redis');
    problems.add('url', 'is not an address; write one.');
    problems.add('prefix', 'is empty; write a text.');
    problems.add('url', 'is given together with "client"; keep one of the two.');
    expect(() => problems.throwIfAny()).toThrow(
      new TypeError('[session:redis] "url" is not an address; write one. "prefix" is empty; write a text.'),
    );
  });
});
