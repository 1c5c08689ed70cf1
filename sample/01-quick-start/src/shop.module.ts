import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { AccountController } from './account.controller.js';
import { DevicesController } from './devices.controller.js';
import { Layout } from './pages/layout.js';
import { ShopController } from './shop.controller.js';
import { SignInFilter } from './sign-in.filter.js';

// Every form that changes something is a POST, answered by a redirect (303), so that a reload repeats nothing. The
// session cookie is `SameSite=Lax`: a form on another site arrives without it, and changes nobody's cart. A shop that
// takes real money adds CSRF tokens to that.
@Module({
  controllers: [ShopController, AccountController, DevicesController],
  providers: [Layout, { provide: APP_FILTER, useClass: SignInFilter }],
})
export class ShopModule {}
