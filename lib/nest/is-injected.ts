import type { InjectionToken } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';

/** The part of Nest's instance wrapper that tells what was injected into it. */
interface Wrapper {
  readonly token: InjectionToken;
  getCtorMetadata(): readonly (Wrapper | undefined)[] | undefined;
  getPropertiesMetadata(): readonly { readonly wrapper: Wrapper }[] | undefined;
}

/**
 * Whether any provider, controller, middleware, guard, pipe, filter or interceptor of the application has one of these
 * injected.
 */
export function isInjected(tokens: readonly InjectionToken[], modules: ModulesContainer): boolean {
  const isAsked = (wrapper: Wrapper | undefined): boolean =>
    wrapper !== undefined && tokens.includes(wrapper.token);
  for (const module of modules.values()) {
    for (const collection of [module.providers, module.controllers, module.injectables, module.middlewares]) {
      for (const wrapper of collection.values() as Iterable<Wrapper>) {
        const parameters = wrapper.getCtorMetadata() ?? [];
        const properties = wrapper.getPropertiesMetadata() ?? [];
        // A constructor without parameters at the front leaves holes.
        if (parameters.some(isAsked) || properties.some(property => isAsked(property.wrapper))) return true;
      }
    }
  }
  return false;
}
