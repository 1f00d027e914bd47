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
  'src/io/privileges.ts': 'gives up root: test/interop/live.test.ts and tui.test.ts, as root',
  'src/cli/follower.ts': 'runs in the threads of --jobs, which coverage does not see: test/cli/jobs.test.ts',
  'src/cli/tui/terminal.ts': 'a real terminal: test/interop/tui.test.ts drives it in tmux',
  'src/cli/tui/terminal-keys.ts': 'keys of a real terminal: test/interop/ssh.test.ts types them',
  'src/io/kdc.ts':
    "tickets over the network: MIT's KDC in test/interop/kerberos.test.ts; a KDC of ours would prove nothing",
  'src/security/kerberos/kdc.ts': "the exchanges behind them: MIT's KDC in test/interop/kerberos.test.ts",
  'dissectors/wellknown/make/all.ts': 'run by hand on the published specifications: test/specifications',
  'dissectors/wellknown/make/classes.ts': 'run by hand on the published specifications: test/specifications',
};

export default mergeConfig(
  unit,
  defineConfig({
    test: {
      // V8 counts a file anew for each test file, and what ran when a shared module was loaded is lost.
      isolate: true,
      // Counting makes everything slower, and says nothing of time.
      testTimeout: 600_000,
      hookTimeout: 600_000,
      coverage: {
        provider: 'v8',
        include: ['src/**/*.ts', 'dissectors/**/*.ts', 'replay/**/*.ts'],
        reporter: ['text-summary', 'json-summary', 'json'],
        reportOnFailure: true,
        reportsDirectory: 'coverage',
        exclude: Object.keys(EXCEPTIONS),
        thresholds: { perFile: true, lines: LINES },
      },
    },
  }),
);
