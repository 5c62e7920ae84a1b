{{- define "insi.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- /* Also the prefix of the node ids: pods and nodes have the same names. */ -}}
{{- define "insi.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains (include "insi.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "insi.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "insi.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride -}}
{{- end -}}

{{- define "insi.headless" -}}
{{- printf "%s-headless" (include "insi.fullname" .) -}}
{{- end -}}

{{- define "insi.serviceAccount" -}}
{{- default (ternary (include "insi.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "insi.secret" -}}
{{- default (include "insi.fullname" .) .Values.secret.existingSecret -}}
{{- end -}}

{{- define "insi.tlsSecret" -}}
{{- default (printf "%s-tls" (include "insi.fullname" .)) .Values.tls.existingSecret -}}
{{- end -}}

{{- define "insi.image" -}}
{{- $name := .Values.image.repository -}}
{{- with .Values.image.registry }}{{ $name = printf "%s/%s" . $name }}{{ end -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $name .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- /* What selects pods can never change: no version, no chart, no value that a user might edit. */ -}}
{{- define "insi.selector" -}}
app.kubernetes.io/name: {{ include "insi.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: server
{{- end -}}

{{- define "insi.metadata.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: insi
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "insi.labels" -}}
{{ include "insi.selector" . }}
{{ include "insi.metadata.labels" . }}
{{- end -}}

{{- /* Options of cluster.yaml that are the same whatever the number of nodes: a change of these restarts the pods. */ -}}
{{- define "insi.config.static" -}}
{{- $config := deepCopy .Values.config -}}
{{- if .Values.tls.enabled -}}
{{- $_ := set $config "tls" (dict "cert" "/run/insi/tls/tls.crt" "key" "/run/insi/tls/tls.key") -}}
{{- end -}}
{{- if $config }}{{ toYaml $config }}{{ end -}}
{{- end -}}

{{- define "insi.validate" -}}
{{- include "insi.validateVersion" . -}}
{{- $count := int .Values.replicaCount -}}
{{- if and (not .Values.persistence.enabled) (gt $count 1) -}}
{{- fail "persistence.enabled=false with more than one node is unsafe: a pod that comes back empty would claim to be a voter that remembers its promises. Use replicaCount=1, or persistence." -}}
{{- end -}}
{{- if and .Values.tls.enabled (not .Values.tls.existingSecret) (not .Values.tls.certManager.enabled) -}}
{{- fail "tls.enabled needs tls.existingSecret, a Secret with tls.crt and tls.key, or tls.certManager. For certificates that every node signs itself, use config.serverMustUseTLS=true instead." -}}
{{- end -}}
{{- if and .Values.tls.existingSecret (not .Values.tls.enabled) -}}
{{- fail "tls.existingSecret is set but tls.enabled is not: set both, or neither." -}}
{{- end -}}
{{- if .Values.tls.certManager.enabled -}}
{{- if not .Values.tls.enabled -}}
{{- fail "tls.certManager.enabled is set but tls.enabled is not: set both, or neither." -}}
{{- end -}}
{{- if .Values.tls.existingSecret -}}
{{- fail "tls.existingSecret and tls.certManager.enabled are two sources of one certificate: set one of them." -}}
{{- end -}}
{{- if not .Values.tls.certManager.issuerRef.name -}}
{{- fail "tls.certManager.enabled needs tls.certManager.issuerRef.name: the Issuer or ClusterIssuer that signs." -}}
{{- end -}}
{{- end -}}
{{- range $name := list "serviceMonitor" "podMonitor" -}}
{{- if and (get $.Values $name).entitiesInterval (not (dig "metrics" "entities" false $.Values.config)) -}}
{{- fail (printf "%s.entitiesInterval needs config.metrics.entities=true: without it no node serves /metrics/entities." $name) -}}
{{- end -}}
{{- end -}}
{{- range $name := list "instanceSecret" "instance_secret" "previousInstanceSecret" "previous_instance_secret" -}}
{{- if hasKey $.Values.config $name -}}
{{- fail (printf "config.%s would put a secret into a ConfigMap: use secret.existingSecret, or extraEnv with secretKeyRef." $name) -}}
{{- end -}}
{{- end -}}
{{- range $name := list "nodes" "defaultLeader" "default_leader" "insiHome" "insi_home" "tls" -}}
{{- if hasKey $.Values.config $name -}}
{{- fail (printf "config.%s is made by the chart: use replicaCount, persistence and tls instead." $name) -}}
{{- end -}}
{{- end -}}
{{- if ge (int .Values.preStopSleepSeconds) (int .Values.terminationGracePeriodSeconds) -}}
{{- fail "preStopSleepSeconds must be below terminationGracePeriodSeconds: otherwise the node is killed before it can stop." -}}
{{- end -}}
{{- if and .Values.leaderService.enabled (not .Values.reconciler.enabled) -}}
{{- fail "leaderService.enabled needs reconciler.enabled=true: only the reconciler knows which pod leads." -}}
{{- end -}}
{{- if and .Values.backup.location .Values.backup.existingClaim -}}
{{- fail "backup.location and backup.existingClaim are two places for backups: set one of them." -}}
{{- end -}}
{{- if and .Values.backup.enabled (not .Values.backup.location) (not .Values.backup.existingClaim) -}}
{{- fail "backup.enabled needs a place for backups: backup.existingClaim, a PersistentVolumeClaim, or backup.location=s3://BUCKET/PREFIX/." -}}
{{- end -}}
{{- if and (not .Values.backup.enabled) (or .Values.backup.location .Values.backup.existingClaim) -}}
{{- fail "a place for backups is set but backup.enabled is not: set both, or neither." -}}
{{- end -}}
{{- if and .Values.reconciler.enabled (lt (int .Values.terminationGracePeriodSeconds) 30) -}}
{{- fail "terminationGracePeriodSeconds must be at least 30: a pod that is scaled away waits for its removal from the cluster." -}}
{{- end -}}
{{- if and .Values.podDisruptionBudget.enabled (gt $count 1) (gt (int .Values.podDisruptionBudget.maxUnavailable) (div (sub $count 1) 2)) -}}
{{- if gt $count 2 -}}
{{- fail (printf "podDisruptionBudget.maxUnavailable=%d would let a drain take the quorum of %d nodes: at most %d." (int .Values.podDisruptionBudget.maxUnavailable) $count (div (sub $count 1) 2)) -}}
{{- end -}}
{{- end -}}
{{- $running := lookup "apps/v1" "StatefulSet" (include "insi.namespace" .) (include "insi.fullname" .) -}}
{{- if and $running (gt $count 0) (not .Values.reconciler.enabled) (not .Values.allowScaleDown) -}}
{{- if gt (int $running.spec.replicas) $count -}}
{{- fail (printf "replicaCount=%d is below the %d nodes that run: pods that go would remain voters, and the cluster could lose its quorum. Use reconciler.enabled=true, or take the nodes out of the cluster first and set allowScaleDown=true." $count (int $running.spec.replicas)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "insi.reconciler" -}}
{{- printf "%s-reconciler" (include "insi.fullname" .) -}}
{{- end -}}

{{- define "insi.reconciler.labels" -}}
app.kubernetes.io/name: {{ include "insi.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: reconciler
{{- end -}}

{{- define "insi.test.labels" -}}
app.kubernetes.io/name: {{ include "insi.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: test
{{- end -}}

{{- define "insi.secretJob.labels" -}}
app.kubernetes.io/name: {{ include "insi.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: secret
{{- end -}}

{{- define "insi.backup.labels" -}}
app.kubernetes.io/name: {{ include "insi.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: backup
{{- end -}}
