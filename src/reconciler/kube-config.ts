// Where Kubernetes is and who we are to it: the pod's service account, or the kubeconfig of whoever runs this by hand.
import { readFile } from 'node:fs/promises'
import { KubeConfig } from './kubernetes.ts'

const NAMESPACE_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/namespace'
const NAMESPACE_DEFAULT = 'default'

export interface KubeAccess {
  readonly config: KubeConfig
  /** The pod's own, or that of the kubeconfig's context. */
  readonly namespace: string
}

/** Throws when there is neither a service account nor a kubeconfig that can be read. */
export async function loadKubeAccess(): Promise<KubeAccess> {
  const config = new KubeConfig()
  config.loadFromDefault()
  const mounted = await readFile(NAMESPACE_FILE, 'utf8').catch(() => '')
  const context = config.getContextObject(config.getCurrentContext())
  return { config, namespace: mounted.trim() || context?.namespace || NAMESPACE_DEFAULT }
}
