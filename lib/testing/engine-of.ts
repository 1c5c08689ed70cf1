import type { INestApplicationContext } from '@nestjs/common';
import { SessionUsageError } from '../errors/session.error.js';
import { SESSION_ENGINE } from '../session.constants.js';
import type { SessionEngine } from '../session.engine.js';

/**
 * The engine of an application, or of a testing module.
 *
 * @throws SessionUsageError when the application does not import SessionModule
 */
export function engineOf(app: INestApplicationContext): SessionEngine {
  try {
    return app.get<SessionEngine>(SESSION_ENGINE, { strict: false });
  } catch {
    throw new SessionUsageError(
      'the application has no SessionModule. Import SessionModule.forRoot() in its root module, and pass what createNestApplication() or NestFactory.create() returned, after await',
    );
  }
}
