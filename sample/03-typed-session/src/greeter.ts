import { Injectable } from '@nestjs/common';
import { Sessions } from 'nestjs-http-session';
import { Language } from './session-data.js';

const greetings = {
  [Language.English]: 'Hello',
  [Language.French]: 'Bonjour',
  [Language.Esperanto]: 'Saluton',
};

/** A service that does not get the session as a parameter. It asks for the session of the running request. */
@Injectable()
export class Greeter {
  constructor(private readonly sessions: Sessions) {}

  async greet() {
    const { language = Language.English, loggedInAs = 'stranger' } = await this.sessions.current();
    return { greeting: `${greetings[language]}, ${loggedInAs}` };
  }
}
