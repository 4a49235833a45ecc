{{/*
What every template reads, as YAML: the merged values, the names, who calls whom (calls.yaml of the service's chart,
generated from the contracts) and the drain budget, which is refused here when it is too short.
*/}}
{{- define "mesh-service.context" -}}
{{- $own := omit .Values "mesh-service" "global" -}}
{{- $values := mergeOverwrite (deepCopy (index .Values "mesh-service")) $own -}}
{{- $service := .Chart.Name -}}
{{- if not (has $values.track (list "stable" "canary")) -}}
{{- fail (printf "%s: track is %q; expected stable or canary" $service $values.track) -}}
{{- end -}}
{{- if eq (toString $values.image.tag) "latest" -}}
{{- fail (printf "%s: image.tag is latest, which names no version; set a version or a digest" $service) -}}
{{- end -}}
{{- $drain := $values.drain -}}
{{- $graceSeconds := add $drain.preStop $drain.grpc $drain.nats -}}
{{- if lt (int $graceSeconds) (int $drain.ackWait) -}}
{{- fail (printf "%s: drain takes preStop %v + grpc %v + nats %v = %v s, shorter than ackWait %v s; lengthen one of them" $service $drain.preStop $drain.grpc $drain.nats $graceSeconds $drain.ackWait) -}}
{{- end -}}
{{- $context := dict
  "service" $service
  "track" $values.track
  "name" (ternary $service (printf "%s-canary" $service) (eq $values.track "stable"))
  "namespace" .Release.Namespace
  "version" (default .Chart.AppVersion $values.image.tag | toString)
  "chart" (printf "%s-%s" .Chart.Name .Chart.Version)
  "graceSeconds" $graceSeconds
  "calls" (.Files.Get "calls.yaml" | fromYaml)
  "values" $values -}}
{{- toYaml $context -}}
{{- end }}

{{/* Labels that pick the pods of this release; they never change, because a Deployment's selector cannot. */}}
{{- define "mesh-service.selector" -}}
app.kubernetes.io/name: {{ .service }}
agentmesh.io/track: {{ .track }}
{{- end }}

{{- define "mesh-service.labels" -}}
{{ include "mesh-service.selector" . }}
app.kubernetes.io/part-of: agentmesh
app.kubernetes.io/version: {{ .version | quote }}
app.kubernetes.io/managed-by: Helm
helm.sh/chart: {{ .chart }}
{{- end }}

{{- define "mesh-service.image" -}}
{{- $image := .values.image -}}
{{- $name := printf "%s%s/%s" $image.registry $image.repository .service -}}
{{- if $image.digest }}{{ $name }}@{{ $image.digest }}{{ else }}{{ $name }}:{{ .version }}{{ end -}}
{{- end }}
