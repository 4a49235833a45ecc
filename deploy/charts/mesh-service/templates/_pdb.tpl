{{- define "mesh-service.pdb" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ .name }}
  namespace: {{ .namespace }}
  labels: {{- include "mesh-service.labels" . | nindent 4 }}
spec:
  minAvailable: {{ .values.disruption.minAvailable }}
  # A pod that is not ready protects nobody; it may be evicted at any time.
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels: {{- include "mesh-service.selector" . | nindent 6 }}
{{- end }}
