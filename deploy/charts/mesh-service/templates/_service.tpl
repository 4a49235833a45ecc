{{/* It picks the pods of both versions; Istio's subsets tell them apart. The admin port is no part of it. */}}
{{- define "mesh-service.service" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ .service }}
  namespace: {{ .namespace }}
  labels: {{- include "mesh-service.labels" . | nindent 4 }}
spec:
  type: ClusterIP
  selector:
    app.kubernetes.io/name: {{ .service }}
  ports:
    - { name: grpc, port: {{ .values.ports.grpc }}, targetPort: grpc, protocol: TCP, appProtocol: grpc }
    {{- with .values.ports.http }}
    - { name: http, port: {{ . }}, targetPort: http, protocol: TCP, appProtocol: http }
    {{- end }}
{{- end }}
