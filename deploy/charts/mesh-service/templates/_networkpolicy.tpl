{{/* From who calls whom: the service takes calls from its callers and reaches its callees and the data servers. */}}
{{- define "mesh-service.networkpolicy" -}}
{{- $net := .values.network -}}
{{- $grpc := .values.ports.grpc -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ .service }}
  namespace: {{ .namespace }}
  labels: {{- include "mesh-service.labels" . | nindent 4 }}
spec:
  podSelector:
    matchLabels: { app.kubernetes.io/name: {{ .service }} }
  policyTypes: [Ingress, Egress]
  ingress:
    {{- with .calls.callers }}
    - from: {{- include "mesh-service.pods" . | nindent 8 }}
      ports: [{ port: {{ $grpc }}, protocol: TCP }]
    {{- end }}
    {{- with .values.ports.http }}
    - from: {{- include "mesh-service.namespace" $net.ingressNamespace | nindent 8 }}
      ports: [{ port: {{ $grpc }}, protocol: TCP }, { port: {{ . }}, protocol: TCP }]
    {{- end }}
    # Metrics: the service's own, and those the sidecar merges.
    - from: {{- include "mesh-service.namespace" $net.monitoringNamespace | nindent 8 }}
      ports: [{ port: {{ .values.ports.admin }}, protocol: TCP }, { port: 15020, protocol: TCP }]
  egress:
    - to: {{- include "mesh-service.namespace" "kube-system" | nindent 8 }}
      ports: [{ port: 53, protocol: UDP }, { port: 53, protocol: TCP }]
    {{- with .calls.callees }}
    - to: {{- include "mesh-service.pods" . | nindent 8 }}
      ports: [{ port: {{ $grpc }}, protocol: TCP }]
    {{- end }}
    - to: {{- include "mesh-service.namespace" $net.dataNamespace | nindent 8 }}
      ports:
        {{- range $net.dataPorts }}
        - { port: {{ . }}, protocol: TCP }
        {{- end }}
    - to: {{- include "mesh-service.namespace" $net.monitoringNamespace | nindent 8 }}
      ports:
        {{- range $net.otlpPorts }}
        - { port: {{ . }}, protocol: TCP }
        {{- end }}
    # The sidecar fetches its certificate and configuration.
    - to: {{- include "mesh-service.namespace" $net.controlPlaneNamespace | nindent 8 }}
      ports: [{ port: 15012, protocol: TCP }]
    {{- if .values.kubernetesAccess }}
    {{- if not $net.apiServer }}
    {{- fail (printf "%s: kubernetesAccess is true and network.apiServer is empty; name the API server's CIDRs" .service) }}
    {{- end }}
    - to:
        {{- range $net.apiServer }}
        - ipBlock: { cidr: {{ . }} }
        {{- end }}
      ports: [{ port: 443, protocol: TCP }, { port: 6443, protocol: TCP }]
    {{- end }}
    {{- if $net.outsideHttps }}
    - to:
        - ipBlock:
            cidr: 0.0.0.0/0
            # Neither the cluster's own networks nor the cloud's metadata address.
            except: [10.0.0.0/8, 100.64.0.0/10, 169.254.0.0/16, 172.16.0.0/12, 192.168.0.0/16]
      ports: [{ port: 443, protocol: TCP }]
    {{- end }}
{{- end }}

{{- define "mesh-service.pods" -}}
- podSelector:
    matchExpressions:
      - { key: app.kubernetes.io/name, operator: In, values: [{{ join ", " . }}] }
{{- end }}

{{- define "mesh-service.namespace" -}}
- namespaceSelector:
    matchLabels: { kubernetes.io/metadata.name: {{ . }} }
{{- end }}
