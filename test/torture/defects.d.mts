/** The names of the defects that a worker can be given. */
export const DEFECT_NAMES: readonly string[];
