const units: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
];

const relative = new Intl.RelativeTimeFormat('en-GB');

/** A time relative to now, in words: "5 minutes ago", "in 1 hour". */
export function fromNow(moment: Date): string {
  const distanceMs = moment.getTime() - Date.now();
  const [unit, unitMs] = units.find(([, ms]) => Math.abs(distanceMs) >= ms) ?? ['minute', 60_000];
  const amount = Math.round(distanceMs / unitMs);
  return amount === 0 ? 'just now' : relative.format(amount, unit);
}
