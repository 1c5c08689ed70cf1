/** Texts by field, as the store holds them. */
export type Texts = Readonly<Record<string, string>>;

/** What a handler did to the data: the texts to write and the fields to remove. */
export interface SessionChange {
  readonly set: Texts;
  readonly delete: readonly string[];
}

export const NO_CHANGE: SessionChange = Object.freeze({ set: Object.freeze({}), delete: Object.freeze([]) });

/** The texts after a change. */
export function applyChange(texts: Texts, { set, delete: removed }: SessionChange): Texts {
  const result: Record<string, string> = { ...texts, ...set };
  for (const field of removed) delete result[field];
  return result;
}
