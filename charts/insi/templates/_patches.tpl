{{- /* The objects of a template, after objectPatches. Arguments: the root, the template. */ -}}
{{- define "insi.patched" -}}
{{- $root := index . 0 -}}
{{- $text := include (index . 1) $root -}}
{{- if not $root.Values.objectPatches -}}
{{- $text -}}
{{- else -}}
{{- range $part := regexSplit "(?m)^---\\s*$" $text -1 -}}
{{- $object := printf "%s\n" $part | fromYaml -}}
{{- if hasKey $object "kind" }}
---
{{ $key := include "insi.patchKey" (list $root $object) -}}
{{- $patch := get $root.Values.objectPatches $key -}}
{{- if $patch -}}
{{- include "insi.patchOne" (list $key $object $patch) -}}
{{- else -}}
{{- $part | trim -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* How objectPatches names an object: its kind, and what its name has beyond that of the release's objects. */ -}}
{{- define "insi.patchKey" -}}
{{- $root := index . 0 -}}
{{- $object := index . 1 -}}
{{- $suffix := trimPrefix (include "insi.fullname" $root) $object.metadata.name -}}
{{- if or (eq $object.metadata.name (include "insi.serviceAccount" $root)) (eq $object.metadata.name (include "insi.secret" $root)) -}}
{{- $suffix = "" -}}
{{- else if eq $object.kind "Job" -}}
{{- $suffix = "-secret" -}}
{{- end -}}
{{- $object.kind }}{{ $suffix -}}
{{- end -}}

{{- /* JSON, since helm's YAML would write large numbers with an exponent. */ -}}
{{- define "insi.patchOne" -}}
{{- $key := index . 0 -}}
{{- $before := index . 1 -}}
{{- $after := deepCopy $before -}}
{{- include "insi.mergePatch" (list $after (index . 2)) -}}
{{- $guarded := list "apiVersion" "kind" "metadata.name" "metadata.namespace" "spec.selector" "roleRef" -}}
{{- $ofKind := dict
  "StatefulSet" (list "spec.replicas" "spec.serviceName" "spec.podManagementPolicy" "spec.ordinals" "spec.volumeClaimTemplates")
  "Service" (list "spec.clusterIP")
  "NetworkPolicy" (list "spec.podSelector")
  "ConfigMap" (list "data" "binaryData" "immutable")
  "Secret" (list "data" "stringData" "type" "immutable")
  "Lease" (list "spec")
  "EndpointSlice" (list "addressType" "endpoints" "metadata.labels")
-}}
{{- range $path := concat $guarded (default list (get $ofKind $before.kind)) -}}
{{- if ne (include "insi.at" (list $before $path)) (include "insi.at" (list $after $path)) -}}
{{- fail (printf "objectPatches.%s must not change %s: it is part of what makes this object the same one at every upgrade, or has a value of its own." $key $path) -}}
{{- end -}}
{{- end -}}
{{- range $name, $value := dig "spec" "selector" "matchLabels" dict $before -}}
{{- if and (dig "spec" "template" "metadata" "labels" false $before) (ne $value (dig "spec" "template" "metadata" "labels" $name "" $after)) -}}
{{- fail (printf "objectPatches.%s must not change the label %s of the pods: by it they are found." $key $name) -}}
{{- end -}}
{{- end -}}
{{- toPrettyJson $after -}}
{{- end -}}

{{- /* The value at a path of names with dots between, as JSON. */ -}}
{{- define "insi.at" -}}
{{- $at := index . 0 -}}
{{- range $name := splitList "." (index . 1) -}}
{{- $at = ternary (get (ternary $at dict (kindIs "map" $at)) $name) "" (kindIs "map" $at) -}}
{{- end -}}
{{- toJson $at -}}
{{- end -}}

{{- /* Changes the first map by the second: RFC 7386, and a map in the place of a list of named things changes those by name. */ -}}
{{- define "insi.mergePatch" -}}
{{- $target := index . 0 -}}
{{- range $key, $value := index . 1 -}}
{{- $old := get $target $key -}}
{{- if kindIs "invalid" $value -}}
{{- $_ := unset $target $key -}}
{{- else if and (kindIs "map" $value) (kindIs "slice" $old) -}}
{{- $items := list -}}
{{- range $item := $old -}}
{{- $name := ternary (get (ternary $item dict (kindIs "map" $item)) "name") "" (kindIs "map" $item) -}}
{{- if and $name (hasKey $value $name) -}}
{{- $change := get $value $name -}}
{{- if not (kindIs "invalid" $change) -}}
{{- include "insi.mergePatch" (list $item $change) -}}
{{- $items = append $items $item -}}
{{- end -}}
{{- else -}}
{{- $items = append $items $item -}}
{{- end -}}
{{- end -}}
{{- $names := list -}}
{{- range $item := $old -}}{{- if kindIs "map" $item -}}{{- $names = append $names (get $item "name") -}}{{- end -}}{{- end -}}
{{- range $name, $change := $value -}}
{{- if and (not (has $name $names)) (kindIs "map" $change) -}}
{{- $items = append $items (merge (dict "name" $name) $change) -}}
{{- end -}}
{{- end -}}
{{- $_ := set $target $key $items -}}
{{- else if kindIs "map" $value -}}
{{- if not (kindIs "map" $old) -}}{{- $_ := set $target $key dict -}}{{- end -}}
{{- include "insi.mergePatch" (list (get $target $key) $value) -}}
{{- else -}}
{{- $_ := set $target $key $value -}}
{{- end -}}
{{- end -}}
{{- end -}}
