{{- define "shakedown.labels" -}}
app.kubernetes.io/name: shakedown
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "shakedown.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag }}{{ end }}
{{- end }}
{{- end }}

{{/* Of the Roles: one account's, wherever they lie. */}}
{{- define "shakedown.role" -}}
{{ .Values.runner.serviceAccount }}-{{ .Release.Namespace }}
{{- end }}

{{/* dict root, name, drill, arguments, files: a CronJob's jobTemplate and what is beside it. */}}
{{- define "shakedown.cronJob" -}}
{{- $root := .root }}
{{- $full := printf "%s-%s" $root.Release.Name .name }}
{{- if gt (len $full) 52 }}
{{- fail (printf "drills: the name %s has %d letters, and a CronJob's has at most 52; take a shorter one for the drill or the release" $full (len $full)) }}
{{- end }}
apiVersion: batch/v1
kind: CronJob
metadata:
  name: {{ $full }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "shakedown.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
spec:
  schedule: {{ .drill.schedule | quote }}
  timeZone: {{ .drill.timeZone | quote }}
  suspend: {{ .drill.suspend }}
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: {{ .drill.startingDeadlineSeconds | int }}
  successfulJobsHistoryLimit: {{ .drill.successfulJobsHistoryLimit | int }}
  failedJobsHistoryLimit: {{ .drill.failedJobsHistoryLimit | int }}
  jobTemplate:
    metadata:
      labels: &labels
        app.kubernetes.io/name: shakedown
        app.kubernetes.io/component: {{ .component }}
        shakedown.dev/drill: {{ .name }}
    spec:
      backoffLimit: {{ .drill.retries | int }}
      activeDeadlineSeconds: {{ .drill.activeDeadlineSeconds | int }}
      # The number of the rule stands in the Job's condition, with the exit code. Only 69 may ever be tried again, as often as
      # backoffLimit says: whatever else ended a drill, a fault may have been on.
      podFailurePolicy:
        rules:
          - { action: FailJob, onExitCodes: { containerName: shakedown, operator: In, values: [3] } }    # 0: dirty
          - { action: FailJob, onExitCodes: { containerName: shakedown, operator: In, values: [77] } }   # 1: refused
          - { action: FailJob, onExitCodes: { containerName: shakedown, operator: In, values: [1] } }    # 2: failed
          - { action: FailJob, onExitCodes: { containerName: shakedown, operator: In, values: [2] } }    # 3: inconclusive
          - { action: FailJob, onExitCodes: { containerName: shakedown, operator: In, values: [64] } }   # 4: a file is wrong
          - { action: FailJob, onExitCodes: { containerName: shakedown, operator: In, values: [70] } }   # 5: a bug
          - { action: FailJob, onExitCodes: { containerName: shakedown, operator: In, values: [130] } }  # 6: interrupted
          - { action: Count, onExitCodes: { containerName: shakedown, operator: In, values: [69] } }     # 7: not reached
          # 8: its node went, or it was evicted; 9: killed. A fault may have been on: not again before somebody has looked.
          - { action: FailJob, onPodConditions: [{ type: DisruptionTarget, status: "True" }] }
          - { action: FailJob, onExitCodes: { containerName: shakedown, operator: NotIn, values: [69] } }
      template:
        metadata:
          labels: *labels
          annotations:
            cluster-autoscaler.kubernetes.io/safe-to-evict: "false"
        spec:
          restartPolicy: Never
          serviceAccountName: {{ $root.Values.runner.serviceAccount }}
          automountServiceAccountToken: true
          enableServiceLinks: false
          terminationGracePeriodSeconds: {{ .drill.terminationGracePeriodSeconds | int }}
          {{- with $root.Values.image.pullSecrets }}
          imagePullSecrets:
            {{- range . }}
            - name: {{ . }}
            {{- end }}
          {{- end }}
          {{- with $root.Values.runner.nodeSelector }}
          nodeSelector: {{- toYaml . | nindent 12 }}
          {{- end }}
          {{- with $root.Values.runner.tolerations }}
          tolerations: {{- toYaml . | nindent 12 }}
          {{- end }}
          {{- with $root.Values.runner.affinity }}
          affinity: {{- toYaml . | nindent 12 }}
          {{- end }}
          securityContext:
            runAsNonRoot: true
            runAsUser: 65532
            runAsGroup: 65532
            fsGroup: 65532
            fsGroupChangePolicy: OnRootMismatch
            seccompProfile: { type: RuntimeDefault }
          containers:
            - name: shakedown
              image: {{ include "shakedown.image" $root | quote }}
              imagePullPolicy: {{ $root.Values.image.pullPolicy }}
              command: [/shakedown]
              args: {{- toYaml .arguments | nindent 16 }}
              workingDir: /results                           # runs/<start>-<scenario> below it
              terminationMessagePolicy: FallbackToLogsOnError  # a failed pod's status ends with the report's last lines
              env:
                - { name: XDG_STATE_HOME, value: /results/state }
                - { name: SHAKEDOWN_OPERATOR, value: {{ printf "CronJob %s" $full | quote }} }
                {{- with $root.Values.webhook }}
                {{- if .secret }}
                - { name: SHAKEDOWN_WEBHOOK, valueFrom: { secretKeyRef: { name: {{ .secret }}, key: {{ .urlKey }} } } }
                {{- if .authorizationKey }}
                - { name: SHAKEDOWN_WEBHOOK_AUTHORIZATION, valueFrom: { secretKeyRef: { name: {{ .secret }}, key: {{ .authorizationKey }} } } }
                {{- end }}
                {{- end }}
                {{- end }}
                {{- range .drill.secrets }}
                - { name: {{ .variable }}, valueFrom: { secretKeyRef: { name: {{ .secret }}, key: {{ .key }} } } }
                {{- end }}
              securityContext:
                allowPrivilegeEscalation: false
                readOnlyRootFilesystem: true
                capabilities: { drop: [ALL] }
              resources: {{- toYaml .drill.resources | nindent 16 }}
              volumeMounts:
                - { name: results, mountPath: /results }
                {{- if .files }}
                - { name: drill, mountPath: /drill, readOnly: true }
                {{- end }}
          volumes:
            - name: results
              {{- with $root.Values.results }}
              {{- if eq .claim "none" }}
              emptyDir: {}
              {{- else }}
              persistentVolumeClaim: { claimName: {{ eq .claim "existing" | ternary .name (printf "%s-results" $root.Release.Name) }} }
              {{- end }}
              {{- end }}
            {{- with .files }}
            - name: drill
              projected:
                sources: {{- toYaml . | nindent 18 }}
            {{- end }}
{{- end }}
