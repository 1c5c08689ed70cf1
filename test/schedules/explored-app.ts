import 'reflect-metadata';
import type { IncomingMessage, Server } from 'node:http';
import {
  Controller,
  Get,
  Header,
  Inject,
  Injectable,
  Module,
  Param,
  Req,
  Res,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { APP_INTERCEPTOR, NestFactory } from '@nestjs/core';
import { catchError, from, mergeMap, type Observable } from 'rxjs';
import {
  getSession,
  SESSION_CLOCK,
  SessionModule,
  Sessions,
  type CommonSessionOptions,
  type Session,
} from '../../lib/index.js';
import { ManualClock } from '../../lib/testing/manual-clock.js';
import type { Platform } from '../support/platforms.js';
import type { OptionSet } from './program.js';
import { GatedStore } from './gated-store.js';

/** The session as a handler of a schedule uses it. */
export type ScheduledSession = Session<Record<string, unknown>>;

/** What the handlers of the application do. */
export interface Script {
  /** Runs the operations of a request. `session` gives its current object: `regenerate(callback)` replaces it. */
  handle(request: number, session: () => Promise<ScheduledSession>): Promise<void>;
  /** Is called when the answer is ready and its head is about to leave. */
  beforeHead(request: number): Promise<void> | undefined;
}

/** In milliseconds. */
export const STORE_TIMEOUT_MS = 1_000;

const SCRIPT = Symbol('SCRIPT');

/** Holds the script of the schedule that runs now. */
class Prompter {
  script: Script | undefined;

  get current(): Script {
    if (!this.script) throw new Error('no schedule is running');
    return this.script;
  }
}

interface NodeResponse {
  end(text: string): void;
}

/** The response of Express or of Fastify. */
type PlatformResponse = NodeResponse & { readonly raw?: NodeResponse };

@Controller()
class ScheduleController {
  constructor(@Inject(SCRIPT) private readonly prompter: Prompter) {}

  /** Nest sends what it returns. Caches may keep it, unless it sets a cookie. */
  @Get('nest/:request')
  @Header('Cache-Control', 'public')
  async answeredByNest(@Param('request') request: string, @Req() carrier: IncomingMessage) {
    await this.#handle(request, carrier);
    return { request };
  }

  /** It answers on its own, so the session is committed when the head leaves. */
  @Get('own/:request')
  async answeredByHandler(
    @Param('request') request: string,
    @Req() carrier: IncomingMessage,
    @Res() response: PlatformResponse,
  ) {
    await this.#handle(request, carrier);
    await this.prompter.current.beforeHead(Number(request));
    (response.raw ?? response).end(request);
  }

  #handle(request: string, carrier: IncomingMessage): Promise<void> {
    const session = (): Promise<ScheduledSession> => getSession(carrier) as Promise<ScheduledSession>;
    return this.prompter.current.handle(Number(request), session);
  }
}

/** The outermost interceptor: it runs after the session's commit, and before Nest sends the answer. */
@Injectable()
class HeadInterceptor implements NestInterceptor {
  constructor(@Inject(SCRIPT) private readonly prompter: Prompter) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { url = '' } = context.switchToHttp().getRequest<IncomingMessage>();
    const pause = async (): Promise<void> => {
      if (url.startsWith('/nest/'))
        await this.prompter.current.beforeHead(Number(url.slice('/nest/'.length)));
    };
    return next.handle().pipe(
      mergeMap((value: unknown) => pause().then(() => value)),
      catchError((error: unknown) => from(pause().then(() => Promise.reject(error as Error)))),
    );
  }
}

export interface ExploredApp {
  readonly server: Server;
  readonly store: GatedStore;
  readonly clock: ManualClock;
  readonly sessions: Sessions;
  readonly prompter: Prompter;
  readonly options: CommonSessionOptions;
  close(): Promise<void>;
}

const OPTIONS: Record<OptionSet, CommonSessionOptions> = {
  'the defaults': {},
  maxAge: { cookie: { maxAge: '1d' } },
  'load lazy': { load: 'lazy' },
  'onStoreError anonymous': { onStoreError: 'anonymous' },
  saveOnServerError: { saveOnServerError: true },
};

/** The applications of one adapter, one for each set of options. */
export interface ExploredApps {
  of(options: OptionSet): ExploredApp;
  close(): Promise<void>;
}

export async function makeExploredApps(platform: Platform): Promise<ExploredApps> {
  const apps = new Map<OptionSet, ExploredApp>();
  for (const [set, options] of Object.entries(OPTIONS) as [OptionSet, CommonSessionOptions][]) {
    apps.set(set, await makeExploredApp(platform, { ...options, storeTimeout: STORE_TIMEOUT_MS }));
  }
  return {
    of: options => apps.get(options)!,
    async close() {
      for (const app of apps.values()) await app.close();
    },
  };
}

/** A real application, which many schedules use one after the other. It listens nowhere. */
async function makeExploredApp(platform: Platform, options: CommonSessionOptions): Promise<ExploredApp> {
  const clock = new ManualClock(Date.UTC(2030, 0));
  const store = new GatedStore(clock);
  const prompter = new Prompter();
  const session = SessionModule.forRoot({ ...options, store });
  @Module({
    imports: [
      // The later of two providers with one token counts.
      { ...session, providers: [...(session.providers ?? []), { provide: SESSION_CLOCK, useValue: clock }] },
    ],
    controllers: [ScheduleController],
    providers: [
      { provide: SCRIPT, useValue: prompter },
      { provide: APP_INTERCEPTOR, useClass: HeadInterceptor },
    ],
  })
  class ExploredModule {}
  const app = await NestFactory.create(ExploredModule, platform.adapter(), {
    logger: false,
    abortOnError: false,
  });
  await app.init();
  const instance = app.getHttpAdapter().getInstance() as { ready?: () => PromiseLike<unknown> };
  if (platform.name === 'fastify') await instance.ready?.();
  return {
    server: app.getHttpServer() as Server,
    store,
    clock,
    sessions: app.get(Sessions),
    prompter,
    options,
    close: () => app.close(),
  };
}
