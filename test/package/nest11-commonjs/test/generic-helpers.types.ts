import { Session, SessionValues } from 'nestjs-http-session';

/** Compiled, not run: helpers that are generic in the data and in the key. */
export async function remember<T, Key extends keyof T & string>(
  session: Session<T>,
  key: Key,
  value: T[Key],
) {
  session.set(key, value);
  await session.update(key, async before => before ?? value);
  return session.get(key);
}

export function swap<T, Key extends keyof SessionValues<T>>(
  session: Session<T>,
  key: Key,
  value: SessionValues<T>[Key],
) {
  const values: SessionValues<T> = session;
  const before = values[key];
  values[key] = value;
  return before;
}
