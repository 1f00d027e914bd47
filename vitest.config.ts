import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/interop/**', 'test/specifications/**', 'node_modules/**', 'dist/**'],
    testTimeout: 30_000,
    pool: 'forks',
    // All processors: left alone, vitest keeps one of two for itself.
    maxWorkers: '100%',
    // One set of modules a worker: loading them anew for each file took a third of all time. No test changes a module.
    isolate: false,
  },
});
