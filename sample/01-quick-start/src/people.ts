export interface Person {
  readonly id: string;
  readonly name: string;
}

/** The people who can sign in. Your application asks its database, and checks the password. */
export const people: readonly Person[] = [
  { id: 'ada', name: 'Ada' },
  { id: 'grace', name: 'Grace' },
  { id: 'katherine', name: 'Katherine' },
  { id: 'alan', name: 'Alan' },
];

export function findPerson(id: unknown): Person | undefined {
  return people.find(person => person.id === id);
}
