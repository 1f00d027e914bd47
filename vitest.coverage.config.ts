import { defineConfig, mergeConfig } from 'vitest/config';
import unit from './vitest.config.js';

/** Lines of every file that unit tests must reach, in percent. */
const LINES = 80;

/** Files that unit tests do not reach in this process, and why: they are left out, in sight. A file that joins brings a reason. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  'src/main.ts': 'one line; every test of the package runs it in another process',
  'src/io/tail.ts': 'a growing file: test/interop/stream.test.ts',
  'src/io/live/pump.ts': 'runs in a worker thread, which coverage does not see: test/io/live',
  'src/io/live/parcel.ts': 'the other half runs in the worker thread of pump.ts',
  'src/cli/tui/terminal.ts': 'a real terminal: test/interop/tui.test.ts drives it in tmux',
};

export default mergeConfig(
  unit,
  defineConfig({
    test: {
      coverage: {
        provider: 'v8',
        include: ['src/**/*.ts', 'dissectors/**/*.ts', 'replay/**/*.ts'],
        reporter: ['text-summary', 'json-summary'],
        reportsDirectory: 'coverage',
        exclude: Object.keys(EXCEPTIONS),
        thresholds: { perFile: true, lines: LINES },
      },
    },
  }),
);
