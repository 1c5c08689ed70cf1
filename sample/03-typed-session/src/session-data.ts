export enum Language {
  English = 'en',
  French = 'fr',
  Esperanto = 'eo',
}

export enum Role {
  Reader = 'reader',
  Editor = 'editor',
}

/** What every session of this application may hold: `Session` without a type argument knows it, everywhere. */
declare module 'nestjs-http-session' {
  interface SessionData {
    language: Language;
    role: Role;
  }
}
