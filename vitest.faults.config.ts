import { defineConfig } from 'vitest/config';

// npm run test:faults. One trial after the other: what one kills another may need.
export default defineConfig({
  test: {
    include: ['test/faults/trials.ts'],
    globalSetup: ['test/global-setup.ts'],
    maxWorkers: 1,
    hookTimeout: 300_000,
    disableConsoleIntercept: true,
    reporters: ['default'],
  },
});
