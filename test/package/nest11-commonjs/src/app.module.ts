import { Module } from '@nestjs/common';
import { SessionModule } from 'nestjs-http-session';
import { AppController } from './app.controller';

@Module({
  imports: [SessionModule.forRoot({ type: 'memory' })],
  controllers: [AppController],
})
export class AppModule {}
