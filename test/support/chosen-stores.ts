/** The stores that a run is limited to, as `TEST_STORES=memory,redis`. Without the variable: all. */
const chosen = process.env.TEST_STORES?.split(',');

/** Whether the run is to cover this store. */
export function isChosen(store: string): boolean {
  return chosen === undefined || chosen.includes(store);
}
