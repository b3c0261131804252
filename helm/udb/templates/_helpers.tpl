{{- define "udb.name" -}}
{{- printf "%s" .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end }}

{{- define "udb.labels" -}}
{{ include "udb.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "udb.selector" -}}
app.kubernetes.io/name: udb
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "udb.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "udb.name" .) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end -}}
{{- end }}

{{/* What every pod has: its rights, and where it may run. */}}
{{- define "udb.pod" -}}
automountServiceAccountToken: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* What every container has: the image, its rights, the database URLs, its folders. */}}
{{- define "udb.container" -}}
image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
env:
  - name: UDB_DAGSTER_PG_URL
    valueFrom: {secretKeyRef: {name: {{ .Values.databaseSecret.name }}, key: {{ .Values.databaseSecret.dagsterKey }}}}
  - name: UDB_CONTROL_URL
    valueFrom: {secretKeyRef: {name: {{ .Values.databaseSecret.name }}, key: {{ .Values.databaseSecret.controlKey }}}}
  - name: UDB_CATALOG_URL
    valueFrom: {secretKeyRef: {name: {{ .Values.databaseSecret.name }}, key: {{ .Values.databaseSecret.catalogKey }}}}
volumeMounts:
  - {name: data, mountPath: /var/lib/udb}
  - {name: tmp, mountPath: /tmp}
{{- end }}

{{/* Pods that write no data have a home that ends with them. */}}
{{- define "udb.scratch" -}}
volumes:
  - name: data
    emptyDir: {}
  - name: tmp
    emptyDir: {}
{{- end }}

{{/* DAGSTER_HOME gets its configuration before anything reads it. */}}
{{- define "udb.prepare" -}}
initContainers:
  - name: prepare
    command: [python, -m, udb_pipelines.orchestration.instance]
    envFrom:
      - configMapRef: {name: {{ include "udb.name" . }}}
    {{- include "udb.container" . | nindent 4 }}
{{- end }}
