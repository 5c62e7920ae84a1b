import { availableParallelism } from 'node:os'

export default {
  testEnvironment: 'node',
  // Much of a suite's time is waiting for disks, timers and other processes, so three at once fit two cores.
  maxWorkers: Math.max(3, availableParallelism() - 1),
  // Tests wait for conditions with deadlines of their own; this one only ends what hangs, on a busy machine too.
  testTimeout: 30_000,
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2024' }, module: { type: 'es6' }, sourceMaps: 'inline' },
    ],
  },
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  // These need a Docker engine, a Kubernetes, a Prometheus (npm run test:container, test:kube, test:observability) or a
  // browser: see test/browser.
  testPathIgnorePatterns: [
    '/node_modules/',
    '<rootDir>/test/container/',
    '<rootDir>/test/kube/',
    '<rootDir>/test/observability/',
    '<rootDir>/test/browser/',
  ],
}
