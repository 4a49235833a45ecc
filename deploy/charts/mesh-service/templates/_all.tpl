{{/* The objects of a service. A canary brings only what is a version's own. */}}
{{- define "mesh-service.all" -}}
{{- $ctx := include "mesh-service.context" . | fromYaml -}}
{{ include "mesh-service.configmap" $ctx }}
---
{{ include "mesh-service.deployment" $ctx }}
{{- if $ctx.values.autoscaling.enabled }}
---
{{ include "mesh-service.hpa" $ctx }}
{{- end }}
---
{{ include "mesh-service.pdb" $ctx }}
{{- if eq $ctx.track "stable" }}
---
{{ include "mesh-service.serviceaccount" $ctx }}
---
{{ include "mesh-service.service" $ctx }}
---
{{ include "mesh-service.networkpolicy" $ctx }}
{{- end }}
{{- end }}
