// For tests. Needs no test runner.

export { ManualClock } from './manual-clock.js';
export { CookieJar, type CookieJarOptions } from './cookie-jar.js';
export type { ResponseLike } from './response-cookies.js';
export { signIn, type SignedIn, type SignInOptions } from './sign-in.js';
export { sessionOf, type StoredSession } from './session-of.js';
export { testSession, type TestSessionOptions } from './test-session.js';
export { testContext, type TestContext, type TestContextOptions } from './test-context.js';
export { sessionStoreCases, type SessionStoreCase } from './store-cases/session-store-cases.js';
export type { SessionStoreHarness, StoreAbility } from './store-cases/session-store-harness.interface.js';
export type { AnySessionStore } from '../store/session-store-abilities.interface.js';
export {
  FaultyStore,
  type FailOptions,
  type FaultOptions,
  type Hold,
  type HoldOptions,
  type RemoveFault,
  type StoreCall,
  type StoreVerb,
} from './faulty-store.js';
