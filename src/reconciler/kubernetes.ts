// All that is used of the Kubernetes client library, in one module: the build puts the library itself into it, without the nine
// tenths of it that nobody calls.
export {
  ApiException,
  AppsV1Api,
  BatchV1Api,
  CoordinationV1Api,
  CoreV1Api,
  DiscoveryV1Api,
  EventsV1Api,
  HttpMethod,
  KubeConfig,
  PatchStrategy,
  ServerConfiguration,
  V1MicroTime,
  Watch,
  createConfiguration,
} from '@kubernetes/client-node'
export type { RequestContext, V1EndpointSlice, V1Lease, V1Pod, V1StatefulSet } from '@kubernetes/client-node'
