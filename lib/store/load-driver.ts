import { StoreRefusedError } from './store-refused.error.js';

/** The ways to load one driver. The names stand in the store's code, so that bundlers see them. */
export interface DriverWays<Driver> {
  /** Imports the `driver.ts` of the store, which requires the driver. */
  readonly byRequire: () => Promise<{ readonly driver: Driver }>;
  readonly byImport: () => Promise<Driver>;
}

/** What Node says of a module that is there and that only `import()` can load. */
const FOR_IMPORT_ONLY = ['ERR_REQUIRE_ESM', 'ERR_REQUIRE_ASYNC_MODULE', 'ERR_PACKAGE_PATH_NOT_EXPORTED'];

/**
 * Loads the driver of a store, by `require()` if possible: OpenTelemetry and other monitoring see no driver that an ES
 * module imports, unless the application was started with their loader hook. `import()` is for a driver that
 * `require()` refuses, and for one that a bundler put into the application.
 *
 * @throws StoreRefusedError when the driver is not installed, or fails while it loads
 */
export async function loadDriver<Driver>(
  store: string,
  name: string,
  ways: DriverWays<Driver>,
): Promise<Driver> {
  try {
    return await requireOrImport(name, ways);
  } catch (cause) {
    const what = isMissing(name, cause)
      ? `is not installed. Run: npm install ${name}`
      : 'is installed, but it fails while it loads. The cause says why.';
    throw new StoreRefusedError(`[session:${store}] the driver "${name}" ${what}`, { cause });
  }
}

async function requireOrImport<Driver>(name: string, ways: DriverWays<Driver>): Promise<Driver> {
  try {
    return (await ways.byRequire()).driver;
  } catch (error) {
    if (!isMissing(name, error) && !FOR_IMPORT_ONLY.includes(codeOf(error))) throw error;
    return await ways.byImport();
  }
}

/** Whether the driver itself was not found. A module that the driver requires in turn may be missing, too. */
function isMissing(name: string, error: unknown): boolean {
  if (!/^(?:ERR_)?MODULE_NOT_FOUND$/.test(codeOf(error))) return false;
  return new RegExp(`['"]${name}['"]`).test((error as Error).message);
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException | undefined)?.code ?? '';
}
