// The same for ES modules: node --import ./instrumentation.mjs main.mjs
import { register } from 'node:module';

register('@opentelemetry/instrumentation/hook.mjs', import.meta.url);
await import('./instrumentation.cjs');
