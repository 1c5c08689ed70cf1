import * as fc from 'fast-check';
import type {
  BrowserStart,
  Keep,
  Key,
  OptionSet,
  Operation,
  PlainOperation,
  Program,
  RequestPlan,
  User,
  WorldEvent,
} from './program.js';

const key = fc.constantFrom<Key>('a', 'b');
const user = fc.constantFrom<User>('ada', 'bob');

const login = (keep: Keep) => user.map((name): Operation => ({ do: 'login', user: name, keep }));
const regenerate = (keep: Keep) =>
  fc
    .constantFrom<'promise' | 'callback'>('promise', 'callback')
    .map((form): Operation => ({ do: 'regenerate', keep, form }));
const plain = (name: PlainOperation) => fc.constant<Operation>({ do: name });
const keyed = (name: 'get' | 'set' | 'delete') => key.map((one): Operation => ({ do: name, key: one }));

/** Earlier ones are what a failure shrinks to. */
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { withCrossShrink: true },
  { arbitrary: keyed('set'), weight: 4 },
  { arbitrary: keyed('get'), weight: 2 },
  { arbitrary: plain('destroy'), weight: 3 },
  { arbitrary: plain('update'), weight: 3 },
  { arbitrary: login(true), weight: 3 },
  { arbitrary: keyed('delete'), weight: 1 },
  { arbitrary: plain('take'), weight: 2 },
  { arbitrary: plain('flash'), weight: 1 },
  { arbitrary: plain('flashes'), weight: 2 },
  { arbitrary: plain('save'), weight: 1 },
  { arbitrary: plain('touch'), weight: 1 },
  { arbitrary: plain('reload'), weight: 1 },
  { arbitrary: regenerate(true), weight: 2 },
  { arbitrary: regenerate(false), weight: 1 },
  { arbitrary: regenerate(['a']), weight: 1 },
  { arbitrary: login(false), weight: 1 },
  { arbitrary: login(['a']), weight: 1 },
  { arbitrary: fc.nat(1).map((browser): Operation => ({ do: 'revoke', browser })), weight: 1 },
  {
    arbitrary: fc
      .tuple(user, fc.boolean())
      .map(([name, sparesOwn]): Operation => ({ do: 'revokeByUser', user: name, sparesOwn })),
    weight: 1,
  },
);

const seldom = <T>(value: T, rest: T, oneIn: number): fc.Arbitrary<T> =>
  fc.oneof(
    { withCrossShrink: true },
    { arbitrary: fc.constant(rest), weight: oneIn - 1 },
    { arbitrary: fc.constant(value), weight: 1 },
  );

/** Left out in one of so many cases. A list that is made of these shrinks by leaving out any of its elements. */
const perhaps = <T>(arbitrary: fc.Arbitrary<T>, oneIn: number): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { freq: oneIn, nil: undefined });

const request: fc.Arbitrary<Omit<RequestPlan, 'name'>> = fc.record({
  browser: seldom(1, 0, 4),
  operations: fc.array(operation, { maxLength: 3, size: 'max' }),
  catches: seldom(true, false, 4),
  ending: fc.oneof(
    { withCrossShrink: true },
    { arbitrary: fc.constant<'returns'>('returns'), weight: 5 },
    { arbitrary: fc.constant<'answers'>('answers'), weight: 2 },
    { arbitrary: fc.constant<'throws'>('throws'), weight: 1 },
  ),
  fault: fc.oneof(
    { withCrossShrink: true },
    { arbitrary: fc.constant(undefined), weight: 6 },
    {
      arbitrary: fc.record({
        call: fc.integer({ min: 1, max: 6 }),
        when: fc.constantFrom<'before' | 'after'>('before', 'after'),
      }),
      weight: 1,
    },
  ),
  leaves: seldom(true, false, 12),
});

const browser = fc.oneof(
  { withCrossShrink: true },
  { arbitrary: fc.constant<BrowserStart>('ada'), weight: 4 },
  { arbitrary: fc.constant<BrowserStart>('guest'), weight: 3 },
  { arbitrary: fc.constant<BrowserStart>('visitor'), weight: 1 },
  { arbitrary: fc.constant<BrowserStart>('forged'), weight: 1 },
  { arbitrary: fc.constant<BrowserStart>('bob'), weight: 1 },
);

const world = fc.array(
  fc.oneof(
    { arbitrary: fc.constant<WorldEvent>('a minute passes'), weight: 2 },
    { arbitrary: fc.constant<WorldEvent>('sessions expire'), weight: 1 },
    { arbitrary: fc.constant<WorldEvent>('the store stalls'), weight: 1 },
  ),
  { maxLength: 1 },
);

const options = fc.oneof(
  { withCrossShrink: true },
  { arbitrary: fc.constant<OptionSet>('the defaults'), weight: 3 },
  { arbitrary: fc.constant<OptionSet>('maxAge'), weight: 2 },
  { arbitrary: fc.constant<OptionSet>('load lazy'), weight: 1 },
  { arbitrary: fc.constant<OptionSet>('onStoreError anonymous'), weight: 1 },
  { arbitrary: fc.constant<OptionSet>('saveOnServerError'), weight: 1 },
);

export const arbitraryProgram: fc.Arbitrary<Program> = fc.record({
  options,
  browsers: fc.tuple(browser, browser),
  requests: fc
    .tuple(perhaps(request, 30), perhaps(request, 15), perhaps(request, 2), perhaps(perhaps(request, 2), 2))
    .map(requests => requests.flatMap((one, i) => (one ? [{ ...one, name: `r${i + 1}` }] : []))),
  world: fc.oneof(
    { withCrossShrink: true },
    { arbitrary: fc.constant<readonly WorldEvent[]>([]), weight: 3 },
    { arbitrary: world, weight: 1 },
  ),
});

/** Whose step is taken, step by step; see `choosing`. */
export const arbitraryChoices: fc.Arbitrary<readonly number[]> = fc.array(fc.nat({ max: 9 }), {
  maxLength: 100,
  size: 'max',
});
