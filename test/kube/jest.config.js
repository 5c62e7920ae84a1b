// `npm run test:kube`: the suites that need helm, kubectl and a Kubernetes that KUBECONFIG names.
import base from '../../jest.config.js'

export default {
  ...base,
  rootDir: '../..',
  testMatch: ['<rootDir>/test/kube/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
}
