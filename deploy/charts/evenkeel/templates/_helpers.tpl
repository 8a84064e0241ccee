{{- define "evenkeel.labels" -}}
app.kubernetes.io/name: evenkeel
app.kubernetes.io/part-of: evenkeel
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "evenkeel.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{- /* The objects of a file of deploy/base or deploy/monitoring, under the names and in the namespace of this release. Expects
"root", "file", and perhaps "labels". */ -}}
{{- define "evenkeel.objects" -}}
{{- $root := .root }}
{{- $name := $root.Values.fullnameOverride }}
{{- range $text := splitList "\n---\n" ($root.Files.Get .file) }}
{{- $object := fromYaml $text }}
{{- $metadata := $object.metadata }}
{{- $_ := set $metadata "name" (regexReplaceAll "^evenkeel" $metadata.name $name) }}
{{- if $metadata.namespace }}{{- $_ := set $metadata "namespace" $root.Release.Namespace }}{{- end }}
{{- $_ := set $metadata "labels" (merge (default dict $metadata.labels) (default dict $.labels) (include "evenkeel.labels" $root | fromYaml)) }}
{{- if $object.roleRef }}{{- $_ := set $object.roleRef "name" (regexReplaceAll "^evenkeel" $object.roleRef.name $name) }}{{- end }}
{{- range $subject := $object.subjects }}
{{- $_ := set $subject "name" $name }}
{{- $_ := set $subject "namespace" $root.Release.Namespace }}
{{- end }}
---
{{ toYaml $object }}
{{ end }}
{{- end }}
