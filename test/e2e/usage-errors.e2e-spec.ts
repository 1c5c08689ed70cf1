import { Controller, Get, Module, type LoggerService, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import {
  ClientProxyFactory,
  MessagePattern,
  Transport,
  type ClientOptions,
  type MicroserviceOptions,
} from '@nestjs/microservices';
import type { IncomingMessage, Server } from 'node:http';
import { firstValueFrom } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  getSession,
  Session,
  SessionConfigError,
  SessionModule,
  SessionUsageError,
  type SessionCarrier,
} from '../../lib/index.js';
import { platforms } from '../support/platforms.js';

// Nest's own filters log no HttpException, so a usage error that is not logged leaves the user with a 500 and no cause.

/** The messages of the errors that were logged. */
let errors: string[];
const logger: LoggerService = {
  log: () => undefined,
  warn: () => undefined,
  error: (message: unknown) => void errors.push(String(message)),
};
beforeEach(() => {
  errors = [];
});

@Controller()
class ShopController {
  @Get('cart')
  cart(@Session() session: Session) {
    return session;
  }

  @MessagePattern('cart')
  message(@Session() session: Session) {
    return session;
  }
}

@Module({ controllers: [ShopController] })
class WithoutSessionModule {}

@Module({ imports: [SessionModule.forRoot('memory')], controllers: [ShopController] })
class WithSessionModule {}

const tcp = { transport: Transport.TCP, options: { host: '127.0.0.1', port: 0 } } as const;

/** The error that a client of this microservice gets. */
async function errorOfMessage(Root: Type): Promise<unknown> {
  const service = await NestFactory.createMicroservice<MicroserviceOptions>(Root, { ...tcp, logger });
  await service.listen();
  const { port } = service.unwrap<{ address(): { port: number } }>().address();
  const options: ClientOptions = { ...tcp, options: { ...tcp.options, port } };
  const client = ClientProxyFactory.create(options);
  try {
    return await firstValueFrom(client.send('cart', {})).catch((error: unknown) => error);
  } finally {
    await client.close();
    await service.close();
  }
}

describe.each(platforms)('@Session() on $name', platform => {
  it('without SessionModule answers 500, and the log says how to import it', async () => {
    const app = await NestFactory.create(WithoutSessionModule, platform.adapter(), { logger });
    await app.listen(0, '127.0.0.1');
    const { status } = await fetch(`${await app.getUrl()}/cart`);
    await app.close();
    expect(status).toBe(500);
    expect(errors).toEqual([expect.stringMatching(/no SessionModule.*imports: \[SessionModule\.forRoot\(/)]);
  });

  it('a request that has not reached SessionModule gets no session of its own, and the error says why', async () => {
    const app = await NestFactory.create(WithSessionModule, platform.adapter(), { logger });
    await app.listen(0, '127.0.0.1');
    let early: Promise<unknown> | undefined;
    (app.getHttpServer() as Server).prependOnceListener('request', (request: IncomingMessage) => {
      early = getSession(request).catch(String);
    });
    await fetch(`${await app.getUrl()}/cart`);
    await app.close();
    expect(await early).toMatch(/SessionUsageError.*runs before SessionModule/);
    expect(errors).toEqual([expect.stringMatching(/runs before SessionModule/)]);
  });

  it('imports: [SessionModule] without forRoot() does not start, and says what to write', async () => {
    @Module({ imports: [SessionModule], controllers: [ShopController] })
    class WithoutOptions {}
    const starting = NestFactory.create(WithoutOptions, platform.adapter(), { logger, abortOnError: false });
    await expect(starting).rejects.toThrow(SessionConfigError);
    await expect(starting).rejects.toThrow(/imports: \[SessionModule\.forRoot\(/);
  });

  it('imports: [SessionModule] in a feature module, with forRoot() in the root module, says that the module is global', async () => {
    @Module({ imports: [SessionModule], controllers: [ShopController] })
    class FeatureModule {}
    @Module({ imports: [FeatureModule, SessionModule.forRoot('memory')] })
    class RootModule {}
    const starting = NestFactory.create(RootModule, platform.adapter(), { logger, abortOnError: false });
    await expect(starting).rejects.toThrow(/is global/);
  });
});

describe('@Session() where there is no HTTP request', () => {
  it('in a message handler fails, and the log names the transport and the remedy', async () => {
    const error = await errorOfMessage(WithSessionModule);
    expect(error).toMatchObject({ status: 'error' });
    expect(errors).toEqual([expect.stringMatching(/message handler \("rpc"\).*Remove @Session\(\)/)]);
  });

  it.each([
    ['ws', [{}], /WebSocket.*handleConnection\(client, request\)/],
    ['graphql', [{}, {}, {}, {}], /GraphQL.*"context".*"req"/],
    ['telegraf', [{}], /"telegraf"/],
  ])(
    'in a handler of "%s" the error and the log name the transport and the remedy',
    async (type, args, message) => {
      const context = new ExecutionContextHost(args);
      context.setType(type);
      await expect(getSession(context)).rejects.toThrow(message);
      await expect(getSession(context)).rejects.toThrow(SessionUsageError);
    },
  );
});

describe('getSession() of something else than a request', () => {
  it.each([undefined, null, 'GET /cart', 5])('%j: says what to pass', async carrier => {
    const asking = getSession(carrier as unknown as SessionCarrier);
    await expect(asking).rejects.toThrow(SessionUsageError);
    await expect(asking).rejects.toThrow(/Pass the request, an ExecutionContext or an ArgumentsHost/);
  });

  it.each([{}, new Map(), () => undefined])(
    'an object without a request: says what to pass',
    async carrier => {
      await expect(getSession(carrier)).rejects.toThrow(
        /Pass the request, an ExecutionContext or an ArgumentsHost/,
      );
    },
  );
});
