{{- define "mesh-service.container" -}}
- name: {{ .service }}
  image: {{ include "mesh-service.image" . }}
  imagePullPolicy: {{ .values.image.pullPolicy }}
  ports:
    - { name: grpc, containerPort: {{ .values.ports.grpc }}, protocol: TCP }
    - { name: admin, containerPort: {{ .values.ports.admin }}, protocol: TCP }
    {{- with .values.ports.http }}
    - { name: http, containerPort: {{ . }}, protocol: TCP }
    {{- end }}
  envFrom:
    - configMapRef: { name: {{ .name }} }
  env: {{- include "mesh-service.secretenv" . | trim | nindent 4 }}
  resources: {{- toYaml .values.resources | nindent 4 }}
  securityContext:
    allowPrivilegeEscalation: false
    readOnlyRootFilesystem: true
    capabilities: { drop: [ALL] }
  # Healthy: the process works. Ready: what it depends on answers and it is not draining.
  startupProbe: {{- include "mesh-service.probe" (dict "path" "/healthz" "times" .values.probes.startup) | nindent 4 }}
  readinessProbe: {{- include "mesh-service.probe" (dict "path" "/readyz" "times" .values.probes.readiness) | nindent 4 }}
  livenessProbe: {{- include "mesh-service.probe" (dict "path" "/healthz" "times" .values.probes.liveness) | nindent 4 }}
  lifecycle:
    # By the kubelet itself: the image has no shell and no sleep.
    preStop: { sleep: { seconds: {{ .values.drain.preStop }} } }
  volumeMounts:
    - { name: tmp, mountPath: /tmp }
    - { name: spool, mountPath: /var/spool/agentmesh }
    - { name: keys, mountPath: /var/run/agentmesh/keys, readOnly: true }
    {{- if .values.secretFolder }}
    - { name: secrets, mountPath: /var/run/agentmesh/secrets, readOnly: true }
    {{- end }}
    {{- if .values.kubernetesAccess }}
    - { name: account, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true }
    {{- end }}
{{- end }}

{{- define "mesh-service.probe" -}}
httpGet: { path: {{ .path }}, port: admin }
{{ toYaml .times }}
{{- end }}

{{- define "mesh-service.secretenv" -}}
{{- $secret := .values.envSecret | default (printf "%s-env" .service) -}}
{{- range list "POSTGRES_URL" "NATS_URL" "REDIS_URL" }}
- name: {{ . }}
  valueFrom: { secretKeyRef: { name: {{ $secret }}, key: {{ . }} } }
{{- end }}
{{- range .values.optionalSecretEnv }}
- name: {{ . }}
  valueFrom: { secretKeyRef: { name: {{ $secret }}, key: {{ . }}, optional: true } }
{{- end }}
{{- end }}
