{{- define "mesh-service.configdata" -}}
{{- $values := .values -}}
{{- $data := dict
  "AGENTMESH_ENVIRONMENT" $values.config.environment
  "LISTEN_HOST" "0.0.0.0"
  "GRPC_PORT" $values.ports.grpc
  "ADMIN_PORT" $values.ports.admin
  "LOG_LEVEL" $values.config.logLevel
  "WORKLOAD_KEY_FILE" "/var/run/agentmesh/keys/workload.jwk"
  "WORKLOAD_TRUST_FILE" "/var/run/agentmesh/keys/trust.jwks"
  "AUDIT_SPOOL_DIR" "/var/spool/agentmesh"
  "MASTER_KEY_FILE" "/var/run/agentmesh/keys/master.key" -}}
{{- if $values.ports.http }}{{ $_ := set $data "HTTP_PORT" $values.ports.http }}{{ end -}}
{{- with $values.config.otlpEndpoint }}{{ $_ := set $data "OTEL_EXPORTER_OTLP_ENDPOINT" . }}{{ end -}}
{{- range .calls.callees -}}
{{- $_ := set $data (printf "%s_ADDRESS" (. | upper | replace "-" "_")) (printf "%s:%v" . $values.ports.grpc) -}}
{{- end -}}
{{- range $key, $value := $values.env }}{{ $_ := set $data $key $value }}{{ end -}}
{{- range $key, $value := $data }}
{{ $key }}: {{ $value | toString | quote }}
{{- end }}
{{- end }}

{{- define "mesh-service.configmap" -}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .name }}
  namespace: {{ .namespace }}
  labels: {{- include "mesh-service.labels" . | nindent 4 }}
data: {{- include "mesh-service.configdata" . | trim | nindent 2 }}
{{- end }}
