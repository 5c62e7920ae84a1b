// A pod of a release's namespace that runs the load.
import path from 'node:path'
import type { AcknowledgedReport } from '../support/acknowledged-writer.ts'
import { eventually } from '../support/eventually.ts'
import { IMAGE, run } from './cluster-tools.ts'
import type { Release } from './release.ts'

const NAME = 'load'
const PROGRAM = 'kube/load-in-pod.ts'
const WRITER = 'support/acknowledged-writer.ts'
const FINISH_TIMEOUT_MS = 180_000

export interface PodReport extends AcknowledgedReport {
  readonly lost: readonly string[]
}

export class LoadPod {
  readonly #release: Release

  private constructor(release: Release) {
    this.#release = release
  }

  /** Resolves once the pod runs. */
  static async start(release: Release, through: readonly string[]): Promise<LoadPod> {
    const file = (name: string): string => path.join(import.meta.dirname, '..', name)
    const files = [`--from-file=program=${file(PROGRAM)}`, `--from-file=writer=${file(WRITER)}`]
    await release.kubectl('create', 'configmap', NAME, ...files)
    const manifest = JSON.stringify(podOf(release, through))
    await run('kubectl', ['--namespace', release.namespace, 'apply', '-f', '-'], manifest)
    await release.kubectl('wait', `pod/${NAME}`, '--for=condition=Ready', '--timeout=60s')
    return new LoadPod(release)
  }

  /** Ends the load. Resolves with what it saw. */
  async stop(): Promise<PodReport> {
    await this.#release.kubectl('exec', NAME, '--', 'touch', '/tmp/stop')
    await eventually(
      'the load is over',
      async () => (await this.#release.field(`pod/${NAME}`, '.status.phase')) === 'Succeeded' || undefined,
      { timeoutMs: FINISH_TIMEOUT_MS },
    )
    const log = await this.#release.kubectl('logs', NAME)
    return JSON.parse(log.trim().split('\n').at(-1) ?? '') as PodReport
  }
}

function podOf(release: Release, through: readonly string[]): unknown {
  const targets = through.map((pod) => `http://${pod}.insi-headless:8080`).join(',')
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: NAME },
    spec: {
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: NAME,
          image: IMAGE,
          command: ['/usr/local/bin/node', `/load/${PROGRAM}`],
          env: [
            { name: 'TARGETS', value: targets },
            { name: 'API_KEY', value: release.apiKey },
          ],
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
          volumeMounts: [
            { name: 'program', mountPath: '/load', readOnly: true },
            { name: 'tmp', mountPath: '/tmp' },
          ],
        },
      ],
      volumes: [
        {
          name: 'program',
          configMap: {
            name: NAME,
            items: [
              { key: 'program', path: PROGRAM },
              { key: 'writer', path: WRITER },
            ],
          },
        },
        { name: 'tmp', emptyDir: {} },
      ],
    },
  }
}
