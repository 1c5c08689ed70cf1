import { Body, Controller, Delete, Get, Post, UseGuards } from '@nestjs/common';
import { Session } from 'nestjs-http-session';
import { EditorsGuard } from './editors.guard.js';

interface Draft {
  readonly text: string;
  readonly writtenAt: Date;
}

/** Keys that only these handlers use are a type argument of `Session`. `SessionData` does not need them. */
interface Desk {
  drafts: Draft[];
}

@Controller('drafts')
@UseGuards(EditorsGuard)
export class DraftsController {
  @Get()
  list(@Session() { drafts = [] }: Session<Desk>) {
    return drafts.map(({ text, writtenAt }) => ({ text, year: writtenAt.getFullYear() })); // still a Date
  }

  @Post()
  async add(@Session() session: Session<Desk>, @Body('text') text: unknown) {
    const draft: Draft = { text: String(text), writtenAt: new Date() };
    const drafts = await session.update('drafts', (before = []) => [...before, draft]);
    return { count: drafts.length };
  }

  /** If two requests come at the same time, one of them gets the drafts. */
  @Delete()
  async takeAll(@Session() session: Session<Desk>) {
    return (await session.take('drafts')) ?? [];
  }
}
