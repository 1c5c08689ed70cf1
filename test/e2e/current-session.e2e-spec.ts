import {
  Controller,
  forwardRef,
  Get,
  Inject,
  Injectable,
  Module,
  Optional,
  Scope,
  UseGuards,
  type CanActivate,
  type INestApplication,
  type MiddlewareConsumer,
  type ModuleMetadata,
  type NestMiddleware,
  type NestModule,
} from '@nestjs/common';
import { APP_GUARD, APP_PIPE, LazyModuleLoader, ModuleRef } from '@nestjs/core';
import { afterEach, describe, expect, it } from 'vitest';
import { Sessions } from '../../lib/index.js';
import { platforms } from '../support/platforms.js';
import { makers, startApp, type RunningApp } from '../support/start-app.js';

// One class of each of these applications gets `Sessions`, each in another way.

let asked: unknown[] = [];
const ask = async (sessions: Sessions): Promise<boolean> => {
  asked.push(await sessions.current().then(session => session.isNew, String));
  return true;
};

@Controller()
class BareController {
  @Get()
  answer() {
    return {};
  }
}

@Controller()
class ByConstructor {
  constructor(@Inject(Sessions) readonly sessions: Sessions) {}
  @Get()
  answer() {
    return ask(this.sessions);
  }
}

@Controller()
class ByProperty {
  @Inject(Sessions) readonly sessions!: Sessions;
  @Get()
  answer() {
    return ask(this.sessions);
  }
}

@Controller()
class ByInheritance extends ByConstructor {}

@Controller()
class ByOption {
  constructor(@Optional() @Inject(Sessions) readonly sessions?: Sessions) {}
  @Get()
  answer() {
    return ask(this.sessions!);
  }
}

@Controller()
class ByForwardReference {
  constructor(@Inject(forwardRef(() => Sessions)) readonly sessions: Sessions) {}
  @Get()
  answer() {
    return ask(this.sessions);
  }
}

@Controller({ scope: Scope.REQUEST })
class PerRequest extends ByConstructor {}

@Injectable()
class AskingGuard implements CanActivate {
  constructor(@Inject(Sessions) readonly sessions: Sessions) {}
  canActivate() {
    return ask(this.sessions);
  }
}

@UseGuards(AskingGuard)
@Controller()
class Guarded extends BareController {}

@Controller()
class ByFactory {
  constructor(@Inject('asking') readonly asking: () => Promise<boolean>) {}
  @Get()
  answer() {
    return this.asking();
  }
}

@Controller()
class ByCreation {
  constructor(@Inject(ModuleRef) readonly modules: ModuleRef) {}
  @Get()
  async answer() {
    return ask(await this.modules.create(AskingGuard).then(({ sessions }) => sessions));
  }
}

@Controller()
class ByModuleRef {
  constructor(@Inject(ModuleRef) readonly modules: ModuleRef) {}
  @Get()
  answer() {
    return ask(this.modules.get(Sessions, { strict: false }));
  }
}

@Module({ providers: [AskingGuard] })
class LaterModule {}

@Controller()
class ByLazyModule {
  constructor(@Inject(LazyModuleLoader) readonly loader: LazyModuleLoader) {}
  @Get()
  async answer() {
    const later = await this.loader.load(() => LaterModule);
    return ask(later.get(AskingGuard).sessions);
  }
}

@Controller()
class ByAlias {
  constructor(@Inject('sessions') readonly sessions: Sessions) {}
  @Get()
  answer() {
    return ask(this.sessions);
  }
}

@Injectable()
class AskingMiddleware implements NestMiddleware {
  constructor(@Inject(Sessions) readonly sessions: Sessions) {}
  use(_: unknown, __: unknown, next: (error?: unknown) => void) {
    ask(this.sessions).then(() => next(), next);
  }
}

@Module({})
class MiddlewareModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(AskingMiddleware).forRoutes(BareController);
  }
}

@Module({})
class ModuleWithMiddlewareOfItsOwn implements NestModule {
  constructor(@Inject(Sessions) readonly sessions: Sessions) {}
  configure(consumer: MiddlewareConsumer): void {
    const middleware = (_: unknown, __: unknown, next: (error?: unknown) => void): void => {
      ask(this.sessions).then(() => next(), next);
    };
    consumer.apply(middleware).forRoutes(BareController);
  }
}

const WAYS: [string, Pick<ModuleMetadata, 'controllers' | 'providers' | 'imports'>][] = [
  ['a constructor', { controllers: [ByConstructor] }],
  ['a property', { controllers: [ByProperty] }],
  ['a constructor of the class above', { controllers: [ByInheritance] }],
  ['an optional parameter', { controllers: [ByOption] }],
  ['a forward reference', { controllers: [ByForwardReference] }],
  ['a request-scoped class', { controllers: [PerRequest] }],
  ['a guard', { controllers: [Guarded] }],
  [
    'a global guard',
    { controllers: [BareController], providers: [{ provide: APP_GUARD, useClass: AskingGuard }] },
  ],
  [
    'a factory',
    {
      controllers: [ByFactory],
      providers: [
        {
          provide: 'asking',
          inject: [Sessions],
          useFactory: (sessions: Sessions) => () => ask(sessions),
        },
      ],
    },
  ],
  [
    'a global pipe of a factory, optional',
    {
      controllers: [BareController],
      providers: [
        {
          provide: APP_GUARD,
          inject: [{ token: Sessions, optional: true }],
          useFactory: (sessions: Sessions) => ({ canActivate: () => ask(sessions) }),
        },
        { provide: APP_PIPE, useValue: { transform: (value: unknown) => value } },
      ],
    },
  ],
  ['an alias', { controllers: [ByAlias], providers: [{ provide: 'sessions', useExisting: Sessions }] }],
  ['ModuleRef.create()', { controllers: [ByCreation] }],
  ['ModuleRef.get()', { controllers: [ByModuleRef] }],
  ['a module that is loaded later', { controllers: [ByLazyModule] }],
  ['a middleware', { controllers: [BareController], imports: [MiddlewareModule] }],
  ['a module', { controllers: [BareController], imports: [ModuleWithMiddlewareOfItsOwn] }],
];

describe.each(platforms.flatMap(platform => makers.map(madeBy => ({ platform, madeBy }))))(
  'Sessions.current() in an application made by $madeBy on $platform.name',
  ({ platform, madeBy }) => {
    let running: RunningApp;
    afterEach(() => running.close());

    async function answersOf(
      metadata: (typeof WAYS)[number][1],
      configure: (app: INestApplication) => void = () => undefined,
    ): Promise<unknown[]> {
      asked = [];
      running = await startApp({ platform, madeBy, backend: { type: 'memory' }, configure, ...metadata });
      for (let visit = 1; visit <= 2; visit++) expect((await running.browser().get('/')).status).toBe(200);
      return asked;
    }

    it.each(WAYS)('works from the first request on, by %s', async (_, metadata) => {
      expect(await answersOf(metadata)).toEqual([true, true]);
    });

    it('works from the first request on, got by app.get() alone', async () => {
      const answers = await answersOf({ controllers: [BareController] }, app => {
        app.useGlobalGuards(new AskingGuard(app.get(Sessions)));
      });
      expect(answers).toEqual([true, true]);
    });

    it('works from the first request on, got by app.get() while another class has it injected', async () => {
      const answers = await answersOf({ controllers: [BareController], providers: [AskingGuard] }, app => {
        app.useGlobalGuards(new AskingGuard(app.get(Sessions)));
      });
      expect(answers).toEqual([true, true]);
    });

    it('on a path of "exclude" it throws, and says why there is no session', async () => {
      running = await startApp({
        platform,
        madeBy,
        backend: { type: 'memory' },
        session: { exclude: ['/'] },
        controllers: [ByConstructor],
      });
      asked = [];
      await running.browser().get('/');
      expect(asked).toEqual([expect.stringContaining('"exclude"')]);
    });

    it('outside of a request it throws, and says why there is no session', async () => {
      running = await startApp({ platform, madeBy, backend: { type: 'memory' }, providers: [AskingGuard] });
      await expect(running.sessions.current()).rejects.toThrow(/outside of a request/);
      expect(running.logs.filter(line => line.startsWith('error'))).toEqual([
        expect.stringContaining('outside of a request'),
      ]);
    });
  },
);
