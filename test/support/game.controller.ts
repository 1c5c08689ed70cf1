import { Controller, HttpCode, Post } from '@nestjs/common';
import { Session } from '../../lib/index.js';

export interface Game {
  score?: number;
  room?: string;
}

/** The HTTP side of the applications whose WebSockets are tested. */
@Controller()
export class GameController {
  @Post('join')
  @HttpCode(200)
  async join(@Session() session: Session<Game>) {
    await session.login('alice');
    session.score = 1;
  }

  @Post('score')
  @HttpCode(200)
  score(@Session() session: Session<Game>) {
    session.score = (session.score ?? 0) + 1;
    return { ...session };
  }

  @Post('leave')
  @HttpCode(200)
  async leave(@Session() session: Session<Game>) {
    await session.destroy();
  }
}
