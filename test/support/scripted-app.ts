import type { Platform } from './platforms.js';
import type { Browser } from './browser.js';
import { ScriptedController, type Me } from './scripted-routes.js';
import { startApp, type AppOptions, type RunningApp } from './start-app.js';

/** An application with the scripted routes, in memory unless something else is asked for. */
export function startScriptedApp(
  platform: Platform,
  options: Partial<Omit<AppOptions, 'platform'>> = {},
): Promise<RunningApp> {
  const { controllers = [], ...others } = options;
  return startApp({
    platform,
    backend: { type: 'memory' },
    controllers: [ScriptedController, ...controllers],
    ...others,
  });
}

/** What the browser's session holds. */
export async function me(browser: Browser): Promise<Me> {
  return (await browser.get('/me')).json<Me>();
}

/** A browser that has a session already. */
export async function visitor(running: RunningApp, path: string): Promise<Browser> {
  const browser = running.browser();
  await browser.get(path);
  return browser;
}
