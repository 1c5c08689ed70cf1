export enum Language {
  English = 'en',
  French = 'fr',
  Esperanto = 'eo',
}

export enum Role {
  Reader = 'reader',
  Editor = 'editor',
}

/** The keys that every session of this application may have. `Session` without a type argument has them. */
declare module 'nestjs-http-session' {
  interface SessionData {
    language: Language;
    role: Role;
  }
}
