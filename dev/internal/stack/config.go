package stack

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"offboard/internal/offboard"
)

// Settings are what a stack's configuration file says differently from the engine's defaults. Zero means the value for
// a simulated account, whose clocks run in seconds where IBM's run in minutes.
type Settings struct {
	MinimumSoak     offboard.Duration
	SoakProbe       offboard.Duration
	PlanFreshness   offboard.Duration
	StepBudget      offboard.Duration
	Protected       []string
	AllowUnapproved bool
}

var configFile = template.Must(template.New("config").Parse(`# Written at the start of the stack; a real one looks the same.
functionalIds:
{{- range .FunctionalIDs}}
  - email: {{.Email}}
    apiKey: env:{{.Variable}}
{{- end}}
policy:
  minimumSoak: {{.MinimumSoak}}
  soakProbe: {{.SoakProbe}}
  planFreshness: {{.PlanFreshness}}
  replication: 3s
  secretPatience: 3s
  grantPatience: 1m
{{- if .StepBudget}}
  stepBudget: {{.StepBudget}}
{{- end}}
  allowUnapproved: {{.AllowUnapproved}}
{{- if .Protected}}
  protected:
{{- range .Protected}}
    - {{printf "%q" .}}
{{- end}}
{{- end}}
reports:
  directory: {{printf "%q" .Reports}}
worker:
  drain: 2s
`))

type configFunctionalID struct{ Email, Variable string }

// writeConfig writes the worker's configuration file into a directory and returns its path.
func writeConfig(dir, reports string, sim *Sim, s Settings) (string, error) {
	var b strings.Builder
	var ids []configFunctionalID
	for _, f := range sim.functionalIDs() {
		ids = append(ids, configFunctionalID{f.Email, f.variable})
	}
	err := configFile.Execute(&b, struct {
		Settings
		FunctionalIDs []configFunctionalID
		Reports       string
	}{s.withDefaults(), ids, reports})
	if err != nil {
		return "", fmt.Errorf("write the configuration: %w", err)
	}
	path := filepath.Join(dir, "offboard.yaml")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		return "", fmt.Errorf("write the configuration: %w", err)
	}
	return path, nil
}

func (s Settings) withDefaults() Settings {
	const second, minute = offboard.Duration(1e9), offboard.Duration(60e9)
	if s.MinimumSoak == 0 {
		s.MinimumSoak = 4 * second // the life of a token in the sample account
	}
	if s.SoakProbe == 0 {
		s.SoakProbe = 2 * second
	}
	if s.PlanFreshness == 0 {
		s.PlanFreshness = 15 * minute
	}
	return s
}
