#!/usr/bin/env bash
# Enlarges the disks of a release while its pods run. Kubernetes never changes the claims' template of a StatefulSet that exists:
# so the claims grow first, and then the StatefulSet is made anew around its pods. Stops at the first fault; may be run again.
set -euo pipefail

usage="k8s/grow-disks.sh [options] SIZE: enlarges the disks of a release, without a restart of its pods
  -n, --namespace NAME   (default insi)
  --release NAME         (default insi)
  --chart CHART          the chart of the release that is installed (default charts/insi)
  --timeout SECONDS      for all claims together (default 600)
Needs kubectl, helm, and a storage class with allowVolumeExpansion.
Examples:
  k8s/grow-disks.sh 20Gi
  k8s/grow-disks.sh --namespace prod --release kv --chart oci://registry.example.org/charts/insi 1Ti"
namespace=insi release=insi chart=charts/insi timeout=600 size=
refuse() { printf '%s\n\n%s\n' "$1" "$usage" >&2; exit 2; }

while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) echo "$usage"; exit 0 ;;
    -n | --namespace | --release | --chart | --timeout)
      [ $# -ge 2 ] || refuse "$1 takes a value"
      case $1 in
        --release) release=$2 ;;
        --chart) chart=$2 ;;
        --timeout) timeout=$2 ;;
        *) namespace=$2 ;;
      esac
      shift 2 ;;
    -*) refuse "unknown option $1" ;;
    *) [ -z "$size" ] || refuse "one SIZE, not '$size' and '$1'"; size=$1; shift ;;
  esac
done
[[ $size =~ ^[0-9]+(Mi|Gi|Ti|M|G|T)$ ]] || refuse "SIZE is a number with its unit, such as 20Gi"
[[ $timeout =~ ^[0-9]+$ ]] || refuse "--timeout takes seconds"

kube() { kubectl --namespace "$namespace" "$@"; }
ours=app.kubernetes.io/instance=$release,app.kubernetes.io/component=server
claims=()
while read -r claim; do claims+=("$claim"); done < <(kube get pvc --selector "$ours" --output name)
[ ${#claims[@]} -gt 0 ] || { echo "the release $release has no claims in the namespace $namespace" >&2; exit 1; }
capacity() { kube get "$1" --output 'jsonpath={.status.capacity.storage}'; }
bytes() { # QUANTITY, such as 20Gi
  local unit=${1##*[0-9]} number=${1%%[!0-9]*}
  case $unit in
    '') echo "$number" ;;
    k) echo $((number * 10 ** 3)) ;; Ki) echo $((number << 10)) ;;
    M) echo $((number * 10 ** 6)) ;; Mi) echo $((number << 20)) ;;
    G) echo $((number * 10 ** 9)) ;; Gi) echo $((number << 30)) ;;
    T) echo $((number * 10 ** 12)) ;; Ti) echo $((number << 40)) ;;
    *) echo "cannot read the size $1" >&2; return 1 ;;
  esac
}

echo "1/3 ask for $size"
# All of them may grow, or none is touched.
for really in --dry-run=server --dry-run=none; do
  for claim in "${claims[@]}"; do
    kube patch "$claim" "$really" --type merge --output name \
      --patch "{\"spec\": {\"resources\": {\"requests\": {\"storage\": \"$size\"}}}}" >/dev/null
  done
done

echo "2/3 wait for the storage"
# Done: it has at least that size (storage may round up), or only the file system is left to grow, which some storage does when the
# pod starts next.
has_grown() { # CLAIM
  local now pending
  now=$(bytes "$(capacity "$1")") || exit 1
  pending=$(kube get "$1" --output 'jsonpath={.status.conditions[?(@.type=="FileSystemResizePending")].status}') || exit 1
  [ "$now" -ge "$wanted" ] || [ "$pending" = True ]
}
wanted=$(bytes "$size")
deadline=$((SECONDS + timeout))
for claim in "${claims[@]}"; do
  until has_grown "$claim"; do
    if [ $SECONDS -ge $deadline ]; then
      echo "$claim did not grow in $timeout s; the StatefulSet was left as it is:" >&2
      kube describe "$claim" | sed -n '/^Conditions:/,$p' >&2
      exit 1
    fi
    sleep 2
  done
  echo "    $claim: $(capacity "$claim")"
done

echo "3/3 make the StatefulSet anew; its pods go on running"
kube delete statefulset --selector "$ours" --cascade=orphan
helm upgrade "$release" "$chart" --namespace "$namespace" --reuse-values --set "persistence.size=$size" >/dev/null || {
  echo "the pods run, but have no StatefulSet until this succeeds; run it again" >&2
  exit 1
}
kube rollout status statefulset --selector "$ours" --timeout=120s
