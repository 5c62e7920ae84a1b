// What a client reads from cluster.yaml, however much of it is missing.
import { readClientView } from '../../../src/config/client-view.ts'
import { ConfigError } from '../../../src/config/faults.ts'
import { snakeCaseSample } from './cluster-file.ts'

test('a client finds the nodes and the secret in either spelling, a weak secret too', () => {
  expect(readClientView(snakeCaseSample('your-secure-secret'), 'cluster.yaml')).toEqual({
    instanceSecret: 'your-secure-secret',
    defaultLeader: 'node0',
    clientSkipVerify: false,
    usesTls: false,
    nodes: {
      node0: {
        publicAddress: { host: '127.0.0.1', port: 8080 },
        privateAddress: { host: '127.0.0.1', port: 8081 },
        raftAddress: { host: '127.0.0.1', port: 7000 },
      },
      node1: {
        publicAddress: { host: '127.0.0.1', port: 8082 },
        privateAddress: { host: '127.0.0.1', port: 8083 },
        raftAddress: { host: '127.0.0.1', port: 7001 },
      },
    },
  })
})

test('clientDomain replaces the host of the bindings', () => {
  const text = [
    'clientSkipVerify: true',
    'tls: { cert: a.crt, key: a.key }',
    'unknown: is no concern of a client',
    'nodes:',
    '  a: { clientDomain: db.example.org, publicBinding: "10.0.0.1:443", raftAdvertise: "a.internal:7000" }',
  ].join('\n')
  expect(readClientView(text, 'cluster.yaml')).toEqual({
    instanceSecret: null,
    defaultLeader: 'a',
    clientSkipVerify: true,
    usesTls: true,
    nodes: {
      a: {
        publicAddress: { host: 'db.example.org', port: 443 },
        privateAddress: null,
        raftAddress: { host: 'a.internal', port: 7000 },
      },
    },
  })
})

test('a text that is no YAML is refused', () => {
  expect(() => readClientView('a: b: c', 'cluster.yaml')).toThrow(ConfigError)
  expect(readClientView('', 'cluster.yaml').nodes).toEqual({})
})
