{{/* Both versions share it: it is the identity in the mesh certificate, which policies name. */}}
{{- define "mesh-service.serviceaccount" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ .service }}
  namespace: {{ .namespace }}
  labels: {{- include "mesh-service.labels" . | nindent 4 }}
automountServiceAccountToken: false
{{- end }}
