#!/usr/bin/env bash
# Begins a new cluster with a backup: fills the disk of the first pod of a release that has none, from a pod that runs once. Stops
# at the first fault and says what to do; may be run again.
set -euo pipefail

usage="k8s/restore.sh [options] SOURCE: begins a new cluster with a backup
  -n, --namespace NAME   (default insi)
  --release NAME         (default insi)
  --claim NAME           claim with the backups; SOURCE is then a path in it
  --env-from SECRET      Secret with AWS_ACCESS_KEY_ID and so on, where SOURCE is s3://...
  --give-up CLUSTER      id of the cluster that lived here before, once it is lost for good
  --cluster CLUSTER      of which cluster, where SOURCE has backups of several: the beginning of its id
  --replicas COUNT       nodes to start then (default 3)
  --timeout SECONDS      for the restore (default 3600)
The release is installed, with replicaCount=0 and the instance secret of the former cluster. Needs kubectl.
Examples:
  k8s/restore.sh --claim insi-backups .                       the newest backup in the claim
  k8s/restore.sh --claim insi-backups insi-0ea36cf1-20261123T031500Z.insi
  k8s/restore.sh --env-from s3 s3://backups/insi/"
namespace=insi release=insi claim='' env_from='' give_up='' cluster='' replicas=3 timeout=3600 source=
mark=insi.io/restored=unfinished
refuse() { printf '%s\n\n%s\n' "$1" "$usage" >&2; exit 2; }
stop() { printf '%s\n' "$@" >&2; exit 1; }

while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) echo "$usage"; exit 0 ;;
    -n | --namespace | --release | --claim | --env-from | --give-up | --cluster | --replicas | --timeout)
      [ $# -ge 2 ] || refuse "$1 takes a value"
      case $1 in
        --release) release=$2 ;;
        --claim) claim=$2 ;;
        --env-from) env_from=$2 ;;
        --give-up) give_up=$2 ;;
        --cluster) cluster=$2 ;;
        --replicas) replicas=$2 ;;
        --timeout) timeout=$2 ;;
        *) namespace=$2 ;;
      esac
      shift 2 ;;
    -*) refuse "unknown option $1" ;;
    *) [ -z "$source" ] || refuse "one SOURCE, not '$source' and '$1'"; source=$1; shift ;;
  esac
done
[ -n "$source" ] || refuse "SOURCE is missing"
[[ $replicas =~ ^[1-9]$ ]] || refuse "--replicas takes a number, 1 to 9"
[[ $timeout =~ ^[0-9]+$ ]] || refuse "--timeout takes seconds"
[[ $source$cluster != *[\"\\]* ]] || refuse "no name has a quote or a backslash"
if [[ $source == s3://* ]]; then
  [ -z "$claim" ] || refuse "a claim has no s3://"
else
  [ -n "$claim" ] || refuse "which claim has $source? Give --claim"
  source=/backups/${source#/}
fi

kube() { kubectl --namespace "$namespace" "$@"; }
json() { kube get "$1" --output "jsonpath=$2"; }
ours=app.kubernetes.io/instance=$release,app.kubernetes.io/component=server
set=$(kube get statefulset --selector "$ours" --output 'jsonpath={.items[*].metadata.name}')
[ -n "$set" ] && [[ $set != *' '* ]] || stop "the namespace $namespace has no release $release: install it with replicaCount=0"
node=$set-0

echo "1/4 see that nothing lives here"
[ "$(json "statefulset/$set" '{.spec.replicas}')" = 0 ] ||
  stop "$set is to have pods: kubectl -n $namespace scale statefulset/$set --replicas=0"
[ -z "$(kube get pods --selector "$ours" --output name)" ] || stop "pods of $set still stop: wait until they are gone"
# There is none without the reconciler.
former=$(kube get configmap "$set-identity" --ignore-not-found --output 'jsonpath={.data.clusterId}')
if [ -n "$former" ] && [ "$former" != "$give_up" ]; then
  stop "the cluster $former lived here. A backup makes a new cluster; what was written since is given up." \
    "If that one is lost for good, add: --give-up $former"
fi
left=$(kube get pvc --selector "$ours" --output 'jsonpath={.items[*].metadata.name}')
unfinished=$(kube get pvc --selector "$ours,$mark" --output 'jsonpath={.items[*].metadata.name}')
[ "$left" = "$unfinished" ] || stop "there are disks of the former cluster: $left. Nodes with them do not join the new one." \
  "When you are sure: kubectl -n $namespace delete pvc $left"
[ -z "$former" ] ||
  kube patch configmap "$set-identity" --type merge --patch '{"data": {"clusterId": null, "bootstrappedAt": null}}' >/dev/null

echo "2/4 make the disk of $node"
part() { # PATH OTHERWISE: JSON of a part of the StatefulSet
  local found
  found=$(json "statefulset/$set" "{.spec$1}")
  printf '%s' "${found:-$2}"
}
template=.template.spec container=.template.spec.containers[0]
labels=$(part .selector.matchLabels '{}')
if [ -z "$left" ]; then
  kube create --filename - >/dev/null <<EOF
{"apiVersion": "v1", "kind": "PersistentVolumeClaim",
 "metadata": {"name": "data-$node", "labels": ${labels%\}}, "${mark%=*}": "${mark#*=}"}},
 "spec": $(part '.volumeClaimTemplates[0].spec' '')}
EOF
fi

echo "3/4 restore $source to it"
words="\"insid\", \"restore\", \"--config\", \"/etc/insi/cluster.yaml\", \"--as\", \"$node\""
[ -z "$cluster" ] || words+=", \"--cluster\", \"$cluster\""
mounts=$(part "$container.volumeMounts" '[]') volumes=$(part "$template.volumes" '[]')
volumes="${volumes%]}, {\"name\": \"data\", \"persistentVolumeClaim\": {\"claimName\": \"data-$node\"}}"
mounts=${mounts%]}
if [ -n "$claim" ]; then
  mounts+=', {"name": "backups", "mountPath": "/backups", "readOnly": true}'
  volumes+=", {\"name\": \"backups\", \"persistentVolumeClaim\": {\"claimName\": \"$claim\", \"readOnly\": true}}"
fi
from='[]'
[ -z "$env_from" ] || from="[{\"secretRef\": {\"name\": \"$env_from\"}}]"
pod=$set-restore
kube delete pod "$pod" --ignore-not-found --wait >/dev/null
kube create --filename - >/dev/null <<EOF
{"apiVersion": "v1", "kind": "Pod",
 "metadata": {"name": "$pod", "labels": {"app.kubernetes.io/instance": "$release", "app.kubernetes.io/component": "restore"}},
 "spec": {"restartPolicy": "Never", "automountServiceAccountToken": false, "enableServiceLinks": false,
  "serviceAccountName": "$(part "$template.serviceAccountName" default)",
  "securityContext": $(part "$template.securityContext" '{}'),
  "imagePullSecrets": $(part "$template.imagePullSecrets" '[]'),
  "nodeSelector": $(part "$template.nodeSelector" '{}'),
  "tolerations": $(part "$template.tolerations" '[]'),
  "containers": [{"name": "restore", "image": "$(part "$container.image" '')",
   "imagePullPolicy": "$(part "$container.imagePullPolicy" IfNotPresent)",
   "command": [$words, "$source"], "env": $(part "$container.env" '[]'), "envFrom": $from,
   "resources": $(part "$container.resources" '{}'),
   "securityContext": $(part "$container.securityContext" '{}'),
   "volumeMounts": $mounts]}],
  "volumes": $volumes]}}
EOF
deadline=$((SECONDS + timeout)) told=
while phase=$(json "pod/$pod" '{.status.phase}') && [ "$phase" != Succeeded ]; do
  if [ "$phase" = Failed ]; then
    kube logs "$pod" >&2
    stop "The backup was not restored; its pod $pod has the log. Cure the cause and run this again."
  fi
  if [ $SECONDS -ge $deadline ]; then
    kube describe pod "$pod" >&2
    stop "The restore is not over after $timeout s (--timeout)."
  fi
  # Such as an image that cannot be pulled, or a claim that is not there.
  obstacle=$(json "pod/$pod" '{.status.containerStatuses[0].state.waiting.reason}{.status.conditions[?(@.reason=="Unschedulable")].message}')
  if [ -n "$obstacle" ] && [ "$obstacle" != "$told" ]; then
    told=$obstacle
    echo "    waiting: $obstacle"
  fi
  sleep 1
done
kube logs "$pod" | sed -n '/^$/q;s/^/    /p'
kube delete pod "$pod" --wait >/dev/null
kube label pvc "data-$node" "${mark%=*}-" >/dev/null

echo "4/4 start $replicas nodes"
kube scale "statefulset/$set" --replicas="$replicas" >/dev/null
kube rollout status "statefulset/$set" --timeout="${timeout}s"
echo "Done. Give helm the same number at its next upgrade: --set replicaCount=$replicas"
