import { DefaultValuePipe, ParseIntPipe } from '@nestjs/common';
import { Session } from 'nestjs-http-session';

/** Compiled, not run: what `@Session()` takes in NestJS 11. */
export class Parameters {
  taken(
    @Session() session: Session,
    @Session('views') views: number | undefined,
    @Session('views', ParseIntPipe, new DefaultValuePipe(0)) parsed: number,
    @Session(new DefaultValuePipe({})) piped: object,
  ) {
    return [session.id, views, parsed, piped];
  }

  refused(
    // @ts-expect-error a key is a string
    @Session(42) byNumber: unknown,
    // @ts-expect-error one key at most
    @Session('views', 'cart') byTwoKeys: unknown,
    // @ts-expect-error a class that is not a pipe
    @Session('views', Date) byClass: unknown,
    // @ts-expect-error NestJS 11 knows no options
    @Session({ pipes: [] }) byOptions: unknown,
  ) {
    return [byNumber, byTwoKeys, byClass, byOptions];
  }
}
