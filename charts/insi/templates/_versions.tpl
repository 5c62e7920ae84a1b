{{- /* Refuses what is not tested: to leave out a minor version, or to go back other than by `helm rollback`, which renders nothing. Images
whose tag is no version say nothing. */ -}}
{{- define "insi.validateVersion" -}}
{{- $pattern := ":v?[0-9]+[.][0-9]+[.][0-9]+[0-9A-Za-z.-]*$" -}}
{{- $running := lookup "apps/v1" "StatefulSet" (include "insi.namespace" .) (include "insi.fullname" .) -}}
{{- $next := regexFind $pattern (include "insi.image" .) | trimPrefix ":" -}}
{{- $last := "" -}}
{{- if and $running (not .Values.allowVersionJump) -}}
{{- range $running.spec.template.spec.containers -}}
{{- if eq .name "insi" }}{{ $last = regexFind $pattern .image | trimPrefix ":" }}{{ end -}}
{{- end -}}
{{- end -}}
{{- if and $last $next -}}
{{- $from := semver $last -}}
{{- $to := semver $next -}}
{{- $step := sub (int $to.Minor) (int $from.Minor) -}}
{{- if or (ne (int $to.Major) (int $from.Major)) (gt $step 1) -}}
{{- fail (printf "from version %s to %s is not one minor version: upgrade through each of those between, or set allowVersionJump=true." $last $next) -}}
{{- end -}}
{{- if lt $step 0 -}}
{{- fail (printf "version %s is older than %s, which runs: go back by helm rollback, or set allowVersionJump=true." $next $last) -}}
{{- end -}}
{{- end -}}
{{- end -}}
