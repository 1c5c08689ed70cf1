// The fields of a record. A data key has the prefix `d:`, a flash message `f:`. Any string may follow, so a key named
// `__proto__` is an ordinary field.

export const DATA = 'd:';
export const FLASH = 'f:';

export const fieldOfKey = (key: string): string => DATA + key;
export const isDataField = (field: string): boolean => field.startsWith(DATA);
export const isFlashField = (field: string): boolean => field.startsWith(FLASH);
export const keyOfField = (field: string): string => field.slice(DATA.length);

/**
 * A flash field starts with the time, so that fields sort by it. A unique part follows, and then the category, which
 * may be any string.
 */
export const flashField = (now: number, unique: string, category: string): string =>
  `${FLASH}${now.toString(36).padStart(9, '0')}-${unique}:${category}`;

export const categoryOfField = (field: string): string => field.slice(field.indexOf(':', FLASH.length) + 1);
