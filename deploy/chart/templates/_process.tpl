{{- define "automate.name" -}}
{{- $name := .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- if contains "automate" $name }}{{ $name }}{{ else }}{{ $name }}-automate{{ end -}}
{{- end }}

{{- define "automate.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .process }}
{{- end }}

{{- define "automate.labels" -}}
{{ include "automate.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "automate.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* Files of the Secret that a process may read, by variable. The owner's reaches the migration alone. */}}
{{- define "automate.secretFiles" -}}
{{- $files := dict "DATABASE_URL" "database-url" "DJANGO_AUTOMATE_SECRET_KEY" "secret-key" -}}
{{- $_ := set $files "DJANGO_AUTOMATE_LIVE_SECRET" "live-secret" -}}
{{- if eq .process "migrate" -}}
{{- $_ := set $files "DJANGO_AUTOMATE_OWNER_DATABASE_URL" "owner-database-url" -}}
{{- end -}}
{{- if and .root.Values.broker.enabled (has .process (list "worker" "ringer")) -}}
{{- $_ := set $files "CELERY_BROKER_URL" "broker-url" -}}
{{- end -}}
{{- range $variable, $key := .root.Values.secretVariables -}}
{{- $_ := set $files $variable $key -}}
{{- end -}}
{{- toJson $files -}}
{{- end }}

{{- define "automate.environment" -}}
- {name: DJANGO_AUTOMATE_BASE_URL, value: {{ .root.Values.baseUrl | quote }}}
- {name: DJANGO_AUTOMATE_TRUSTED_PROXIES, value: {{ .root.Values.trustedProxies | quote }}}
{{- range $variable, $key := include "automate.secretFiles" . | fromJson }}
- {name: {{ $variable }}_FILE, value: /run/secrets/automate/{{ $key }}}
{{- end }}
{{- range $variable, $value := .root.Values.variables }}
- {name: {{ $variable }}, value: {{ $value | quote }}}
{{- end }}
{{- end }}

{{- define "automate.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "automate.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "automate.mounts" -}}
- {name: home, mountPath: /var/lib/automate}
- {name: tmp, mountPath: /tmp}
- {name: keys, mountPath: /var/lib/automate-keys}
- {name: secrets, mountPath: /run/secrets/automate, readOnly: true}
{{- end }}

{{- define "automate.volumes" -}}
- name: home
  emptyDir: {sizeLimit: 256Mi}
- name: tmp
  emptyDir: {sizeLimit: 64Mi}
- name: keys
  persistentVolumeClaim:
    claimName: {{ .root.Values.keys.existingClaim | default (printf "%s-keys" (include "automate.name" .root)) }}
- name: secrets
  secret:
    secretName: {{ .root.Values.existingSecret }}
    defaultMode: 0440
    items:
      {{- range $variable, $key := include "automate.secretFiles" . | fromJson }}
      - {key: {{ $key }}, path: {{ $key }}}
      {{- end }}
{{- end }}

{{/* Before a process starts: the database is at this release's version. It waits, it changes nothing. */}}
{{- define "automate.waitForSchema" -}}
- name: wait-for-schema
  image: {{ include "automate.image" .root | quote }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  args: [migrate, --wait]
  env:
    {{- include "automate.environment" . | nindent 4 }}
  resources:
    requests: {cpu: 50m, memory: 128Mi}
    limits: {memory: 384Mi}
  securityContext:
    {{- include "automate.containerSecurity" . | nindent 4 }}
  volumeMounts:
    {{- include "automate.mounts" . | nindent 4 }}
{{- end }}

{{/* The Deployment of one process: `process`, `args`, `port`, `variables` (YAML), `readyPath`. */}}
{{- define "automate.deployment" -}}
{{- $values := get .root.Values .process -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "automate.name" .root }}-{{ .process }}
  labels:
    {{- include "automate.labels" . | nindent 4 }}
spec:
  {{- if not $values.autoscaling.enabled }}
  replicas: {{ $values.replicas }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "automate.selector" . | nindent 6 }}
  strategy:
    type: RollingUpdate
    rollingUpdate: {maxUnavailable: 0, maxSurge: 1}
  template:
    metadata:
      labels:
        {{- include "automate.labels" . | nindent 8 }}
      {{- if has .process (list "worker" "ringer") }}
      annotations:
        prometheus.io/scrape: "true"
        prometheus.io/port: {{ .port | quote }}
        prometheus.io/path: /metrics
      {{- end }}
    spec:
      automountServiceAccountToken: false
      enableServiceLinks: false
      terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds }}
      {{- with .root.Values.imagePullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        {{- include "automate.podSecurity" . | nindent 8 }}
      initContainers:
        {{- include "automate.waitForSchema" . | nindent 8 }}
      containers:
        - name: {{ .process }}
          image: {{ include "automate.image" .root | quote }}
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          args: {{ toJson .args }}
          env:
            {{- include "automate.environment" . | nindent 12 }}
            {{- .variables | nindent 12 }}
          ports:
            - {name: http, containerPort: {{ .port }}}
          startupProbe:
            httpGet: {path: /healthz, port: http}
            periodSeconds: 2
            failureThreshold: 60
          livenessProbe:
            httpGet: {path: /healthz, port: http}
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          readinessProbe:
            httpGet: {path: {{ .readyPath | quote }}, port: http}
            periodSeconds: 5
            timeoutSeconds: 5
            failureThreshold: 2
          {{- if not (has .process (list "worker" "ringer")) }}
          lifecycle:
            preStop:
              exec: {command: [sleep, "5"]}
          {{- end }}
          resources:
            {{- toYaml $values.resources | nindent 12 }}
          securityContext:
            {{- include "automate.containerSecurity" . | nindent 12 }}
          volumeMounts:
            {{- include "automate.mounts" . | nindent 12 }}
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels:
              {{- include "automate.selector" . | nindent 14 }}
      {{- with .root.Values.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .root.Values.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      volumes:
        {{- include "automate.volumes" . | nindent 8 }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "automate.name" .root }}-{{ .process }}
  labels:
    {{- include "automate.labels" . | nindent 4 }}
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      {{- include "automate.selector" . | nindent 6 }}
{{- with $values.autoscaling }}
{{- if .enabled }}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ include "automate.name" $.root }}-{{ $.process }}
  labels:
    {{- include "automate.labels" $ | nindent 4 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ include "automate.name" $.root }}-{{ $.process }}
  minReplicas: {{ .minReplicas }}
  maxReplicas: {{ .maxReplicas }}
  metrics:
    {{- if .lagSeconds }}
    - type: Pods
      pods:
        metric: {name: automate_outbox_lag_seconds}
        target: {type: AverageValue, averageValue: {{ .lagSeconds | quote }}}
    {{- else }}
    - type: Resource
      resource:
        name: cpu
        target: {type: Utilization, averageUtilization: {{ .cpuPercent }}}
    {{- end }}
  behavior:
    scaleDown: {stabilizationWindowSeconds: 300}
{{- end }}
{{- end }}
{{- end }}

{{/* The Service of one process. */}}
{{- define "automate.service" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "automate.name" .root }}-{{ .process }}
  labels:
    {{- include "automate.labels" . | nindent 4 }}
spec:
  selector:
    {{- include "automate.selector" . | nindent 4 }}
  ports:
    - {name: http, port: {{ .port }}, targetPort: http}
{{- end }}
