import type { InjectionToken } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';

/** The part of Nest's instance wrapper that tells what was injected into it. */
interface Wrapper {
  readonly token: InjectionToken;
  getCtorMetadata(): readonly (Wrapper | undefined)[] | undefined;
  getPropertiesMetadata(): readonly { readonly wrapper: Wrapper }[] | undefined;
}

/** Whether any provider, controller, middleware, guard, pipe, filter or interceptor of the application has this injected. */
export function isInjected(token: InjectionToken, modules: ModulesContainer): boolean {
  for (const module of modules.values()) {
    for (const collection of [module.providers, module.controllers, module.injectables, module.middlewares]) {
      for (const wrapper of collection.values() as Iterable<Wrapper>) {
        const parameters = wrapper.getCtorMetadata() ?? [];
        const properties = wrapper.getPropertiesMetadata() ?? [];
        // A constructor without parameters at the front leaves holes.
        if (parameters.some(parameter => parameter?.token === token)) return true;
        if (properties.some(property => property.wrapper.token === token)) return true;
      }
    }
  }
  return false;
}
