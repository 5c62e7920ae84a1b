// `npm run test:kube`: the suites that need helm, kubectl and a Kubernetes that KUBECONFIG names. INSI_KUBE_SUITE=subset leaves out
// those that take longest.
import { existsSync } from 'node:fs'
import path from 'node:path'
import base from '../../jest.config.js'

const NOT_IN_SUBSET = [
  'identity.test.ts',
  'outage.test.ts',
  'reconciler-alerts.test.ts',
  'reconciler-kills.test.ts',
  'soak.test.ts',
]

const suite = process.env.INSI_KUBE_SUITE ?? 'whole'
if (!['whole', 'subset'].includes(suite)) throw new Error(`INSI_KUBE_SUITE is whole or subset, not ${suite}`)
for (const file of NOT_IN_SUBSET) {
  if (!existsSync(path.join(import.meta.dirname, file))) throw new Error(`there is no test/kube/${file} to leave out`)
}
const leftOut = suite === 'subset' ? NOT_IN_SUBSET : []

export default {
  ...base,
  rootDir: '../..',
  testMatch: ['<rootDir>/test/kube/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', ...leftOut.map((file) => `<rootDir>/test/kube/${file}$`)],
  reporters: ['default', ['<rootDir>/test/kube/measurements-reporter.js', { leftOut }]],
}
