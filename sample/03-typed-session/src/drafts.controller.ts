import { Body, Controller, Delete, Get, Post, UseGuards } from '@nestjs/common';
import { Session } from 'nestjs-http-session';
import { EditorsGuard } from './editors.guard.js';

interface Draft {
  readonly text: string;
  readonly writtenAt: Date;
}

/** Keys that only these handlers know are a type argument; `SessionData` stays as it is. */
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

  /** Of two that ask at the same time, one gets the drafts. */
  @Delete()
  async takeAll(@Session() session: Session<Desk>) {
    return (await session.take('drafts')) ?? [];
  }
}
