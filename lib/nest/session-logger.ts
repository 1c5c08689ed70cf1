import type { Logger } from '@nestjs/common';
import { SessionError } from '../errors/session.error.js';
import type { SessionLog } from '../events/session-log.interface.js';

/** The library's log, written by a logger of Nest. */
export function logTo(logger: Logger): SessionLog {
  const warned = new Set<string>();
  const logged = new WeakSet<SessionError>();
  return {
    error: (message, error) =>
      logger.error(`${message}: ${messageOf(error)}`, error instanceof Error ? error.stack : undefined),
    mistake(error) {
      if (!(error instanceof SessionError) || error.getStatus() !== 500 || logged.has(error)) return;
      logged.add(error);
      logger.error(error.message, error.stack);
    },
    warnOnce(topic, message) {
      if (warned.has(topic)) return;
      warned.add(topic);
      logger.warn(message);
    },
  };
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
