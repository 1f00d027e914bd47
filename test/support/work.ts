import { Session } from 'node:inspector';

interface Counted {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly { readonly ranges: readonly { readonly count: number }[] }[];
  }[];
}

/**
 * Work as V8 counts it: how often blocks of our own code, and of the libraries named, were run. The same on every
 * machine, however busy it is. What built-in functions do inside is not counted.
 */
export function workOf(run: () => void, libraries: readonly string[] = []): number {
  const session = new Session();
  session.connect();
  let counted: Counted = { result: [] };
  try {
    session.post('Profiler.enable');
    session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
    run();
    session.post('Profiler.takePreciseCoverage', (error, result) => {
      if (error !== null) throw error;
      counted = result as Counted;
    });
    session.post('Profiler.stopPreciseCoverage');
  } finally {
    session.disconnect();
  }
  const own = ['/src/', '/dissectors/', '/replay/', ...libraries.map((name) => `/node_modules/${name}/`)];
  let work = 0;
  for (const { url, functions } of counted.result) {
    if (!own.some((part) => url.includes(part)) || (url.includes('/node_modules/') && libraries.length === 0)) continue;
    for (const { ranges } of functions) for (const { count } of ranges) work += count;
  }
  return work;
}
