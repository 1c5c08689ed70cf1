import type { ExecutionContext } from '@nestjs/common';
import { RESPONSE_PASSTHROUGH_METADATA, ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';

const selfAnswering = new WeakMap<object, boolean>();

/**
 * Whether a handler answers on its own, with `@Res()` or `@Next()`, perhaps after it has returned. The session of such
 * a handler is committed only when its head leaves. If an earlier commit failed, a filter would answer, and the handler
 * would answer a second time: out of a stream or a timer, where the error that this throws ends the process.
 */
export function answersItself(context: ExecutionContext): boolean {
  const handler = context.getHandler();
  const known = selfAnswering.get(handler);
  if (known !== undefined) return known;
  const place = [context.getClass(), handler.name] as const;
  const parameters = Object.keys(
    (Reflect.getMetadata(ROUTE_ARGS_METADATA, ...place) as object | undefined) ?? {},
  );
  const isOwn = (type: RouteParamtypes): boolean => parameters.some(name => name.startsWith(`${type}:`));
  const answers =
    (isOwn(RouteParamtypes.RESPONSE) || isOwn(RouteParamtypes.NEXT)) &&
    Reflect.getMetadata(RESPONSE_PASSTHROUGH_METADATA, ...place) !== true;
  selfAnswering.set(handler, answers);
  return answers;
}
