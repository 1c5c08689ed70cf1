import { StoreRefusedError } from '../../store/store-refused.error.js';

/**
 * Warnings about settings that `INFO` of the masters shows.
 *
 * @throws StoreRefusedError when a master is older than 6.2
 */
export function warningsAbout(infos: readonly string[]): readonly string[] {
  const warnings = infos.flatMap(info => warningsOf(fieldsOf(info)));
  return [...new Set(warnings)];
}

function warningsOf(info: ReadonlyMap<string, string>): string[] {
  const version = info.get('redis_version');
  if (version !== undefined && isOlder(version, 6, 2)) {
    throw new StoreRefusedError(`[session:redis] this is Redis ${version}; use Redis 6.2 or newer.`);
  }
  const warnings: string[] = [];
  const policy = info.get('maxmemory_policy');
  // Every key of ours has a TTL, so policies that keep keys without a TTL do not keep sessions.
  if (policy !== undefined && policy !== 'noeviction' && info.get('maxmemory') !== '0') {
    warnings.push(
      `[session:redis] "maxmemory-policy" is ${policy}: when Redis is full it removes live sessions, which logs their ` +
        'users out. Give sessions a Redis of their own with "noeviction".',
    );
  }
  if (info.get('role') === 'slave') {
    warnings.push(
      '[session:redis] this Redis is a read-only replica: sessions can be read and not written. Connect to the master.',
    );
  }
  return warnings;
}

function fieldsOf(info: string): ReadonlyMap<string, string> {
  return new Map(
    info.split(/\r?\n/).map(line => {
      const [name = '', ...value] = line.split(':');
      return [name, value.join(':')] as const;
    }),
  );
}

function isOlder(version: string, major: number, minor: number): boolean {
  const [ours = 0, minors = 0] = version.split('.').map(Number);
  return ours < major || (ours === major && minors < minor);
}
