// The variables that boards have in common.
import type { Annotation, Variable } from './board.ts'
import { cluster } from './promql.ts'

export const CLUSTER_VARIABLES: readonly Variable[] = [
  { name: 'namespace', label: 'Namespace', query: 'label_values(insi_build_info, namespace)' },
  {
    name: 'cluster',
    label: 'Cluster',
    query: 'label_values(insi_build_info{namespace="$namespace"}, pod)',
    regex: '/^(.*)-[0-9]+$/',
  },
]

export const NODE_VARIABLE: Variable = {
  name: 'pod',
  label: 'Node',
  query: 'label_values(insi_build_info{namespace="$namespace",pod=~"$cluster-[0-9]+"}, pod)',
  isMulti: true,
}

export const ANNOTATIONS: readonly Annotation[] = [
  {
    name: 'New leader',
    expression: `max by (namespace) (changes(${cluster('insi_raft_term')}[$__rate_interval])) > 0`,
    text: 'a new term began',
    colour: 'orange',
  },
  {
    name: 'Restart',
    expression: `max by (pod) (changes(${cluster('process_start_time_seconds')}[$__rate_interval])) > 0`,
    text: '{{pod}} has started',
    colour: 'blue',
  },
]
