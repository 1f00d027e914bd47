import { defineConfig } from 'vitest/config';

// Tables against the published specifications, which the gate has not at hand: UAMGSCOPE_SPECIFICATIONS names their folder.
export default defineConfig({
  test: { include: ['test/specifications/**/*.test.ts'], testTimeout: 600_000, pool: 'forks' },
});
