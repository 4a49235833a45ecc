{{- define "mesh-service.hpa" -}}
{{- $scaling := .values.autoscaling -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ .name }}
  namespace: {{ .namespace }}
  labels: {{- include "mesh-service.labels" . | nindent 4 }}
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: {{ .name }} }
  minReplicas: {{ $scaling.minReplicas }}
  maxReplicas: {{ $scaling.maxReplicas }}
  metrics:
    - type: ContainerResource
      containerResource:
        name: cpu
        container: {{ .service }}
        target: { type: Utilization, averageUtilization: {{ $scaling.cpuPercent }} }
    - type: ContainerResource
      containerResource:
        name: memory
        container: {{ .service }}
        target: { type: Utilization, averageUtilization: {{ $scaling.memoryPercent }} }
  behavior:
    # Up by doubling at most twice a minute, down by a tenth a minute.
    scaleUp:
      stabilizationWindowSeconds: 0
      policies: [{ type: Percent, value: 100, periodSeconds: 30 }]
    scaleDown:
      stabilizationWindowSeconds: {{ $scaling.scaleDownAfterSeconds }}
      policies: [{ type: Percent, value: 10, periodSeconds: 60 }]
{{- end }}
