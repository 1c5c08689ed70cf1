import { Body, Controller, DefaultValuePipe, Get, ParseEnumPipe, Put } from '@nestjs/common';
import { Session } from 'nestjs-http-session';
import { Language } from './session-data.js';

@Controller('language')
export class PreferencesController {
  /** Injects one key of the session. Pipes work on it as on any other parameter. */
  @Get()
  get(@Session('language', new DefaultValuePipe(Language.English)) language: Language) {
    return { language };
  }

  @Put()
  set(@Session() session: Session, @Body('language', new ParseEnumPipe(Language)) language: Language) {
    session.language = language;
    return { language };
  }
}
