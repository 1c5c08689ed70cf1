// Formats the measurements as text.
import { scenarios } from './measure.mjs';

/**
 * One table for each platform and scenario. The added cost is the difference of medians: to the platform, and to the
 * platform with one no-op interceptor and one no-op middleware.
 */
export function report(results, { rounds, seconds, connections, hasNetwork }) {
  const lines = [
    `Node ${process.version}, ${rounds} rounds of fresh processes, ${seconds} s per scenario, ${connections} ${hasNetwork ? 'connections' : 'requests at a time, no network'}.`,
    'CPU: user + system time of the server process per request, in µs, median (min-max).',
  ];
  for (const platform of ['express', 'fastify']) {
    const own = [...results].filter(([title]) => title.startsWith(platform));
    if (own.length === 0) continue;
    for (const scenario of Object.keys(scenarios)) {
      const rows = own
        .filter(([, measured]) => measured[scenario])
        .map(([title, measured]) => [title.slice(platform.length + 2), summaryOf(measured[scenario])]);
      if (rows.length > 0) lines.push('', `### ${platform}, ${scenario}`, '', ...table(rows));
    }
  }
  return lines.join('\n');
}

function table(rows) {
  const bare = rows.find(([name]) => name === 'platform')?.[1];
  const noop = rows.find(([name]) => name === 'platform + no-op')?.[1];
  const cells = rows.map(([name, { cpu, throughput, p50 }]) => [
    name,
    `${cpu.median.toFixed(1)} (${cpu.min.toFixed(0)}-${cpu.max.toFixed(0)})`,
    bare ? `${(cpu.median / bare.cpu.median).toFixed(2)}×` : '',
    bare ? signed(cpu.median - bare.cpu.median) : '',
    noop ? signed(cpu.median - noop.cpu.median) : '',
    throughput.median.toFixed(0),
    p50.median.toFixed(0),
  ]);
  return markdown(['', 'CPU µs', 'ratio', 'over platform', 'over no-op', 'requests/s', 'p50 µs'], cells);
}

/** An aligned Markdown table. The first column is text, the others are numbers. */
export function markdown(header, rows) {
  const widths = header.map((title, i) => Math.max(3, title.length, ...rows.map(row => row[i].length)));
  const line = row =>
    `| ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join(' | ')} |`;
  const rule = `| ${widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(header), rule, ...rows.map(line)];
}

function summaryOf(measurements) {
  const of = key => {
    const values = measurements.map(measurement => measurement[key]).sort((a, b) => a - b);
    return { median: medianOf(values), min: values[0], max: values.at(-1) };
  };
  return { cpu: of('cpu'), throughput: of('throughput'), p50: of('p50') };
}

export function medianOf(sorted) {
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export const signed = value => (value >= 0 ? '+' : '−') + Math.abs(value).toFixed(1);

export function shuffled(list) {
  return list
    .map(item => ({ item, place: Math.random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item);
}
