import { defineConfig } from 'vitest/config';

// Tests that need tshark, Python peers or ../shared: run by `.ci/run` after it installed them.
export default defineConfig({
  test: {
    include: ['test/interop/**/*.test.ts'],
    testTimeout: 600_000,
    hookTimeout: 600_000,
    pool: 'forks',
    fileParallelism: false,
  },
});
