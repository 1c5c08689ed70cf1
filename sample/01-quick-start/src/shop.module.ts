import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { AccountController } from './account.controller.js';
import { DevicesController } from './devices.controller.js';
import { Layout } from './pages/layout.js';
import { ShopController } from './shop.controller.js';
import { SignInFilter } from './sign-in.filter.js';

// Every form that changes something is a POST, which is answered with a redirect (303), so a reload repeats nothing.
// The session cookie is `SameSite=Lax`: browsers do not send it with a form on another site, so such a form cannot
// change a cart. A shop that takes real money also needs CSRF tokens.
@Module({
  controllers: [ShopController, AccountController, DevicesController],
  providers: [Layout, { provide: APP_FILTER, useClass: SignInFilter }],
})
export class ShopModule {}
