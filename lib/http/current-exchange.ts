import { AsyncLocalStorage } from 'node:async_hooks';
import type { HttpExchange } from '../lifecycle/http-exchange.js';

/** The request that the running code works for. */
export const currentExchange = new AsyncLocalStorage<HttpExchange>();
