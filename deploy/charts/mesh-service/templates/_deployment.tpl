{{- define "mesh-service.deployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .name }}
  namespace: {{ .namespace }}
  labels: {{- include "mesh-service.labels" . | nindent 4 }}
spec:
  # No replicas: the autoscaler owns the figure.
  revisionHistoryLimit: 5
  strategy:
    type: RollingUpdate
    rollingUpdate: { maxSurge: 1, maxUnavailable: 0 }
  selector:
    matchLabels: {{- include "mesh-service.selector" . | nindent 6 }}
  template:
    metadata:
      labels: {{- include "mesh-service.labels" . | nindent 8 }}
      annotations:
        # A new configuration is a rollout.
        checksum/config: {{ include "mesh-service.configdata" . | sha256sum }}
        prometheus.io/scrape: "true"
        prometheus.io/port: {{ .values.ports.admin | quote }}
        prometheus.io/path: /metrics
        # The sidecar starts before the service and leaves after its last connection.
        proxy.istio.io/config: |
          holdApplicationUntilProxyStarts: true
          terminationDrainDuration: {{ .graceSeconds }}s
          proxyMetadata:
            EXIT_ON_ZERO_ACTIVE_CONNECTIONS: "true"
    spec:
      serviceAccountName: {{ .service }}
      automountServiceAccountToken: false
      enableServiceLinks: false
      terminationGracePeriodSeconds: {{ .graceSeconds }}
      securityContext:
        runAsNonRoot: true
        runAsUser: 10001
        runAsGroup: 10001
        fsGroup: 10001
        seccompProfile: { type: RuntimeDefault }
      topologySpreadConstraints:
        {{- include "mesh-service.spread" (dict "ctx" . "key" "topology.kubernetes.io/zone" "when" .values.spread.zones) | nindent 8 }}
        {{- include "mesh-service.spread" (dict "ctx" . "key" "kubernetes.io/hostname" "when" .values.spread.nodes) | nindent 8 }}
      containers:
        {{- include "mesh-service.container" . | nindent 8 }}
      volumes:
        - name: tmp
          emptyDir: { sizeLimit: {{ .values.volumes.tmp }} }
        - name: spool
          emptyDir: { sizeLimit: {{ .values.volumes.spool }} }
        - name: keys
          secret:
            secretName: {{ .values.keysSecret | default (printf "%s-keys" .service) }}
            defaultMode: 0440
        {{- with .values.secretFolder }}
        - name: secrets
          secret: { secretName: {{ . }}, defaultMode: 0440, optional: true }
        {{- end }}
        {{- if .values.kubernetesAccess }}
        # What automounting would bring, in the service's container only: sidecars get no token.
        - name: account
          projected:
            defaultMode: 0440
            sources:
              - serviceAccountToken: { path: token, expirationSeconds: 3600 }
              - configMap: { name: kube-root-ca.crt, items: [{ key: ca.crt, path: ca.crt }] }
              - downwardAPI: { items: [{ path: namespace, fieldRef: { fieldPath: metadata.namespace } }] }
        {{- end }}
{{- end }}

{{- define "mesh-service.spread" -}}
- topologyKey: {{ .key }}
  maxSkew: 1
  whenUnsatisfiable: {{ .when }}
  # Each revision is spread by itself, or a rolling update ends up uneven.
  matchLabelKeys: [pod-template-hash]
  labelSelector:
    matchLabels: {{- include "mesh-service.selector" .ctx | nindent 6 }}
{{- end }}
