// A record's fields: data keys live behind `d:`, flash messages behind `f:`. Any string may follow, so a key named
// `__proto__` is an ordinary field.

export const DATA = 'd:';
export const FLASH = 'f:';

export const fieldOfKey = (key: string): string => DATA + key;
export const isDataField = (field: string): boolean => field.startsWith(DATA);
export const isFlashField = (field: string): boolean => field.startsWith(FLASH);
export const keyOfField = (field: string): string => field.slice(DATA.length);

/** Flash fields sort by time; what makes them unique follows, and the category, which may be any string, is last. */
export const flashField = (now: number, unique: string, category: string): string =>
  `${FLASH}${now.toString(36).padStart(9, '0')}-${unique}:${category}`;

export const categoryOfField = (field: string): string => field.slice(field.indexOf(':', FLASH.length) + 1);
